// Linear asks porcupine, a checker of linearizability that others wrote, whether what clients of one
// ledger were told can be told of a ledger that only grows, one entry at a time.
//
//	linear FILE
//	    one line of JSON an operation: kind `append` (an entry stands for it, at seq) or `look`
//	    (nothing was done, seq was the last entry looked at); call and return, in one order of time
//
// An append is behind all that was appended or looked at before it; a look sees at least that.
// Prints `ok OPERATIONS` and exits 0, or one line that says what is wrong and exits 1.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/anishathalye/porcupine"
)

const patience = time.Minute

type operation struct {
	Kind   string
	Client int
	Call   int64
	Return int64
	Seq    int64
}

// The state is the last entry that anybody was told of.
var ledger = porcupine.Model{
	Init: func() interface{} { return int64(0) },
	Step: func(state, input, _ interface{}) (bool, interface{}) {
		last, told := state.(int64), input.(operation)
		if told.Kind == "append" {
			return told.Seq > last, told.Seq
		}
		return told.Seq >= last, told.Seq
	},
	DescribeOperation: func(input, _ interface{}) string {
		return fmt.Sprintf("%s %d", input.(operation).Kind, input.(operation).Seq)
	},
}

func read(path string) ([]porcupine.Operation, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var all []porcupine.Operation
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var told operation
		if err := json.Unmarshal(lines.Bytes(), &told); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, len(all)+1, err)
		}
		if told.Kind != "append" && told.Kind != "look" || told.Call > told.Return {
			return nil, fmt.Errorf("%s:%d: no operation", path, len(all)+1)
		}
		all = append(all, porcupine.Operation{
			ClientId: told.Client, Input: told, Call: told.Call, Return: told.Return})
	}
	return all, lines.Err()
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: linear FILE")
		os.Exit(2)
	}
	operations, err := read(os.Args[1])
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	switch porcupine.CheckOperationsTimeout(ledger, operations, patience) {
	case porcupine.Ok:
		fmt.Printf("ok %d\n", len(operations))
	case porcupine.Unknown:
		fmt.Printf("%s: not settled within %s\n", os.Args[1], patience)
		os.Exit(1)
	default:
		fmt.Printf("%s: no ledger that only grows could have told this\n", os.Args[1])
		os.Exit(1)
	}
}
