// Logcheck checks a transparency log with nothing but the code of Go's own checksum database
// (golang.org/x/mod/sumdb: note and tlog), so that a fault of Hansa's own verifier shows.
//
//	logcheck -vkey KEY [-cosigned KEY]... [-consistency FILE] LOG
//	    every entry and tile of LOG (a folder or a base URL, in the layout of C2SP tlog-tiles) and
//	    the root they come to, by its checkpoint; FILE is an older checkpoint that LOG must extend
//	logcheck -vkey KEY -proof FILE -value FILE
//	    a tlog-proof@v1 file and the bytes of the entry that it is about
//
// Prints `ok ORIGIN SIZE ROOT` and exits 0, or one line that says what is wrong and exits 1.
// For tests of what is checked here and of witnesses:
//
//	logcheck -make FOLDER SIZE NAME WORD      a log of entries made of WORD, with its keys in
//	                                          FOLDER.key and FOLDER.vkey; one that exists is used
//	logcheck -vkey KEY -prove INDEX LOG       prints the proof of an entry
//	logcheck -vkey KEY -request SIZE LOG      prints what add-checkpoint of tlog-witness takes
package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	cosignature "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	tileHeight  = 8
	bundleWidth = 1 << tileHeight
	proofHeader = "c2sp.org/tlog-proof@v1"
)

type checkpoint struct {
	origin string
	tree   tlog.Tree
}

// verifiers are the keys that must all have signed a checkpoint; the log's is the first.
type verifiers []note.Verifier

func (keys verifiers) open(signed []byte) (checkpoint, error) {
	opened, err := note.Open(signed, note.VerifierList(keys...))
	if err != nil {
		return checkpoint{}, fmt.Errorf("checkpoint: %w", err)
	}
	for _, key := range keys {
		if !signedBy(opened, key) {
			return checkpoint{}, fmt.Errorf("checkpoint: no signature by %s", key.Name())
		}
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 || lines[0] != keys[0].Name() {
		return checkpoint{}, fmt.Errorf("checkpoint: expected one of %s", keys[0].Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return checkpoint{}, fmt.Errorf("checkpoint: %q is no size", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return checkpoint{}, fmt.Errorf("checkpoint: %q is no root", lines[2])
	}
	return checkpoint{lines[0], tlog.Tree{N: size, Hash: root}}, nil
}

func signedBy(opened *note.Note, key note.Verifier) bool {
	for _, signature := range opened.Sigs {
		if signature.Name == key.Name() && signature.Hash == key.KeyHash() {
			return true
		}
	}
	return false
}

// source is a folder or a base URL.
type source string

func (log source) read(path string) ([]byte, error) {
	if !strings.Contains(string(log), "://") {
		return os.ReadFile(filepath.Join(string(log), path))
	}
	answer, err := http.Get(strings.TrimSuffix(string(log), "/") + "/" + path)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, answer.Status)
	}
	return io.ReadAll(answer.Body)
}

// tilePath differs from tlog's own by the height and by the name of the level of the entries.
func tilePath(tile tlog.Tile) string {
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight))
	return "tile/" + strings.Replace(path, "data/", "entries/", 1)
}

func bundlePath(first, size int64) string {
	width := int(min(bundleWidth, size-first))
	return tilePath(tlog.Tile{H: tileHeight, L: -1, N: first / bundleWidth, W: width})
}

func (log source) Height() int { return tileHeight }

func (log source) SaveTiles([]tlog.Tile, [][]byte) {}

func (log source) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := log.read(tilePath(tile))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (log source) bundle(first, size int64) ([][]byte, error) {
	path := bundlePath(first, size)
	data, err := log.read(path)
	if err != nil {
		return nil, err
	}
	var entries [][]byte
	for len(data) > 0 {
		if len(data) < 2 {
			return nil, fmt.Errorf("%s: ends within an entry", path)
		}
		end := 2 + int(data[0])<<8 + int(data[1])
		if len(data) < end {
			return nil, fmt.Errorf("%s: ends within an entry", path)
		}
		entries = append(entries, data[2:end])
		data = data[end:]
	}
	if expected := min(bundleWidth, size-first); int64(len(entries)) != expected {
		return nil, fmt.Errorf("%s: %d entries, expected %d", path, len(entries), expected)
	}
	return entries, nil
}

// hashes is a tree in memory, as tlog numbers its nodes.
type hashes []tlog.Hash

func (tree hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var found []tlog.Hash
	for _, index := range indexes {
		found = append(found, tree[index])
	}
	return found, nil
}

func (tree *hashes) add(entry int64, value []byte) error {
	more, err := tlog.StoredHashes(entry, value, *tree)
	*tree = append(*tree, more...)
	return err
}

// checkLog holds the entries against the tiles, the tiles against the root, and the root against
// the entries.
func checkLog(log source, head checkpoint) error {
	size := head.tree.N
	tiles := tlog.TileHashReader(head.tree, log)
	var tree hashes
	for first := int64(0); first < size; first += bundleWidth {
		entries, err := log.bundle(first, size)
		if err != nil {
			return err
		}
		var indexes []int64
		for place := range entries {
			indexes = append(indexes, tlog.StoredHashIndex(0, first+int64(place)))
		}
		leaves, err := tiles.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for place, value := range entries {
			if tlog.RecordHash(value) != leaves[place] {
				return fmt.Errorf("entry %d is not the one of its tile", first+int64(place))
			}
			if err := tree.add(first+int64(place), value); err != nil {
				return err
			}
		}
	}
	root, err := tlog.TreeHash(size, tree)
	if err == nil && root != head.tree.Hash {
		err = fmt.Errorf("the entries come to root %v, the checkpoint says %v", root, head.tree.Hash)
	}
	return err
}

func checkConsistency(log source, head, old checkpoint) error {
	if old.tree.N == 0 {
		return nil
	}
	if old.tree.N > head.tree.N {
		return fmt.Errorf("size %d, it was %d once", head.tree.N, old.tree.N)
	}
	proof, err := proveTree(log, head, old.tree.N)
	if err != nil {
		return err
	}
	err = tlog.CheckTree(proof, head.tree.N, head.tree.Hash, old.tree.N, old.tree.Hash)
	if err != nil {
		return fmt.Errorf("not an extension of the older checkpoint: %w", err)
	}
	return nil
}

func proveTree(log source, head checkpoint, old int64) (tlog.TreeProof, error) {
	return tlog.ProveTree(head.tree.N, old, tlog.TileHashReader(head.tree, log))
}

func checkProof(keys verifiers, text, value []byte) (checkpoint, error) {
	malformed := errors.New("proof: not of the form tlog-proof@v1")
	above, signed, found := bytes.Cut(text, []byte("\n\n"))
	lines := strings.Split(string(above), "\n")
	if !found || lines[0] != proofHeader {
		return checkpoint{}, malformed
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return checkpoint{}, malformed
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[0], "index "), 10, 64)
	if err != nil {
		return checkpoint{}, malformed
	}
	var path tlog.RecordProof
	for _, line := range lines[1:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return checkpoint{}, malformed
		}
		path = append(path, hash)
	}
	head, err := keys.open(signed)
	if err != nil {
		return checkpoint{}, err
	}
	if index < 0 || index >= head.tree.N {
		return checkpoint{}, fmt.Errorf("proof: no entry %d in a log of %d", index, head.tree.N)
	}
	leaf := tlog.RecordHash(value)
	return head, tlog.CheckRecord(path, head.tree.N, head.tree.Hash, index, leaf)
}

// printProof prints hashes, the blank line and the checkpoint, as both formats want them.
func printProof(first []string, path []tlog.Hash, signed []byte) {
	for _, line := range first {
		fmt.Println(line)
	}
	for _, hash := range path {
		fmt.Println(base64.StdEncoding.EncodeToString(hash[:]))
	}
	fmt.Printf("\n%s", signed)
}

func prove(log source, head checkpoint, signed []byte, index int64) error {
	path, err := tlog.ProveRecord(head.tree.N, index, tlog.TileHashReader(head.tree, log))
	if err == nil {
		printProof([]string{proofHeader, fmt.Sprint("index ", index)}, path, signed)
	}
	return err
}

func request(log source, head checkpoint, signed []byte, old int64) error {
	var path tlog.TreeProof
	var err error
	if old > 0 && old < head.tree.N {
		path, err = proveTree(log, head, old)
	}
	if err == nil {
		printProof([]string{fmt.Sprint("old ", old)}, path, signed)
	}
	return err
}

type arguments struct {
	vkey, consistency, proof, value *string
	prove, request                  *int64
	cosigners                       []string
}

func keysOf(from arguments) (verifiers, error) {
	log, err := note.NewVerifier(*from.vkey)
	if err != nil {
		return nil, fmt.Errorf("-vkey: %w", err)
	}
	keys := verifiers{log}
	for _, text := range from.cosigners {
		key, err := cosignature.NewVerifierForCosignatureV1(text)
		if err != nil {
			return nil, fmt.Errorf("-cosigned: %w", err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func check(from arguments) error {
	keys, err := keysOf(from)
	if err != nil {
		return err
	}
	var head checkpoint
	if *from.proof != "" {
		var text, value []byte
		if text, err = os.ReadFile(*from.proof); err != nil {
			return err
		}
		if value, err = os.ReadFile(*from.value); err != nil {
			return err
		}
		head, err = checkProof(keys, text, value)
	} else {
		log := source(flag.Arg(0))
		var signed []byte
		if signed, err = log.read("checkpoint"); err != nil {
			return err
		}
		if head, err = keys.open(signed); err != nil {
			return err
		}
		if *from.prove >= 0 {
			return prove(log, head, signed, *from.prove)
		}
		if *from.request >= 0 {
			return request(log, head, signed, *from.request)
		}
		if err = checkLog(log, head); err == nil && *from.consistency != "" {
			err = checkExtends(log, keys[:1], head, *from.consistency)
		}
	}
	if err == nil {
		fmt.Println("ok", head.origin, head.tree.N, head.tree.Hash)
	}
	return err
}

func checkExtends(log source, keys verifiers, head checkpoint, file string) error {
	signed, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	old, err := keys.open(signed)
	if err != nil {
		return fmt.Errorf("the older %w", err)
	}
	return checkConsistency(log, head, old)
}

func run() error {
	from := arguments{
		vkey:        flag.String("vkey", "", "key of the log"),
		consistency: flag.String("consistency", "", "older checkpoint"),
		proof:       flag.String("proof", "", "proof to check"),
		value:       flag.String("value", "", "entry that the proof is about"),
		prove:       flag.Int64("prove", -1, "entry to prove"),
		request:     flag.Int64("request", -1, "size that a witness knows"),
	}
	flag.Func("cosigned", "key of a witness", func(key string) error {
		from.cosigners = append(from.cosigners, key)
		return nil
	})
	folder := flag.String("make", "", "folder of a log to make")
	flag.Parse()
	if *folder != "" {
		size, err := strconv.ParseInt(flag.Arg(0), 10, 64)
		if err != nil {
			return err
		}
		return makeLog(*folder, size, flag.Arg(1), flag.Arg(2))
	}
	return check(from)
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "logcheck:", strings.ReplaceAll(err.Error(), "\n", " "))
		os.Exit(1)
	}
}
