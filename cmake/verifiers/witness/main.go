// Witness runs the witness of transparency-dev (package omniwitness) with what it knows in memory:
// the command of that project brings a database and an exporter of metrics that take most of the
// time to compile. What it checks, signs and answers is that project's code alone.
//
//	witness NAME LOGS      LOGS is a file in omniwitness's own form:
//	    Logs:
//	      - Origin: first line of the log's checkpoints
//	        PublicKey: the log's vkey
//
// Makes a key, prints `ADDRESS VKEY` and serves POST http://ADDRESS/add-checkpoint until it is
// killed. VKEY is of the kind for cosignatures (C2SP tlog-cosignature).
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"os"

	cosignature "github.com/transparency-dev/formats/note"
	"github.com/transparency-dev/witness/omniwitness"
	"github.com/transparency-dev/witness/persistence/inmemory"
	"golang.org/x/mod/sumdb/note"
)

func run(name, logs string) error {
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return err
	}
	signer, err := cosignature.NewSignerForCosignatureV1(private)
	if err != nil {
		return err
	}
	vkey, err := cosignature.VKeyToCosignatureV1(public)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(logs)
	if err != nil {
		return err
	}
	known, err := omniwitness.NewStaticLogConfig(text)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr(), vkey)
	return omniwitness.Main(context.Background(), omniwitness.OperatorConfig{
		WitnessKeys:     []note.Signer{signer},
		WitnessVerifier: signer.Verifier(),
		Logs:            known,
	}, inmemory.New(), listener, http.DefaultClient)
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "witness: expected NAME LOGS")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "witness:", err)
		os.Exit(1)
	}
}
