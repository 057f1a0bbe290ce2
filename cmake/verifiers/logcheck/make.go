package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// makeLog writes a log whose checkpoint has an extension line, as those of Hansa do.
func makeLog(folder string, size int64, name, word string) error {
	signer, err := signerOf(folder, name)
	if err != nil {
		return err
	}
	var tree hashes
	var bundle bytes.Buffer
	for index := int64(0); index < size; index++ {
		value := entry(word, index)
		if err := tree.add(index, value); err != nil {
			return err
		}
		binary.Write(&bundle, binary.BigEndian, uint16(len(value)))
		bundle.Write(value)
		if next := index + 1; next%bundleWidth == 0 || next == size {
			first := index - index%bundleWidth
			if err := write(folder, bundlePath(first, size), bundle.Bytes()); err != nil {
				return err
			}
			bundle.Reset()
		}
	}
	for _, tile := range tlog.NewTiles(tileHeight, 0, size) {
		data, err := tlog.ReadTileData(tile, tree)
		if err != nil {
			return err
		}
		if err := write(folder, tilePath(tile), data); err != nil {
			return err
		}
	}
	root, err := tlog.TreeHash(size, tree)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("%s\n%d\n%v\ntip %x\n", name, size, root, sha256.Sum256(root[:]))
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	if err != nil {
		return err
	}
	return write(folder, "checkpoint", signed)
}

// Of different lengths, an empty one among them.
func entry(word string, index int64) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "%s %d\n", word, index), int(index%5))
}

func signerOf(folder, name string) (note.Signer, error) {
	if text, err := os.ReadFile(folder + ".key"); err == nil {
		return note.NewSigner(string(text))
	}
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(folder+".vkey", []byte(public), 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(folder+".key", []byte(private), 0o600); err != nil {
		return nil, err
	}
	return note.NewSigner(private)
}

func write(folder, path string, data []byte) error {
	path = filepath.Join(folder, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}
