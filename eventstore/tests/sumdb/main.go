// Checks what the event store has made with golang.org/x/mod/sumdb. Reads one JSON object, writes one.
package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"reflect"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type input struct {
	Vkey, Note, Root string
	Entries          []string
	Proofs           []struct {
		Revision, Size         int64
		Inclusion, Consistency []string
	}
}

func main() {
	log.SetFlags(0)
	var in input
	try(json.NewDecoder(os.Stdin).Decode(&in))

	// The tree, from the entries.
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			found[i] = stored[index]
		}
		return found, nil
	})
	for i, entry := range in.Entries {
		hashes, err := tlog.StoredHashes(int64(i), []byte(entry), reader)
		try(err)
		stored = append(stored, hashes...)
	}
	root := func(size int64) tlog.Hash {
		hash, err := tlog.TreeHash(size, reader)
		try(err)
		return hash
	}
	if last := root(int64(len(in.Entries))); hex.EncodeToString(last[:]) != in.Root {
		log.Fatalf("root %x, signed was %s", last, in.Root)
	}

	for _, p := range in.Proofs {
		inclusion, err := tlog.ProveRecord(p.Size, p.Revision-1, reader)
		try(err)
		same(p.Inclusion, inclusion, "inclusion of %d in %d", p.Revision, p.Size)
		leaf := tlog.RecordHash([]byte(in.Entries[p.Revision-1]))
		try(tlog.CheckRecord(hashes(p.Inclusion), p.Size, root(p.Size), p.Revision-1, leaf))
		consistency, err := tlog.ProveTree(p.Size, p.Revision, reader)
		try(err)
		same(p.Consistency, consistency, "consistency of %d with %d", p.Revision, p.Size)
		try(tlog.CheckTree(hashes(p.Consistency), p.Size, root(p.Size), p.Revision, root(p.Revision)))
	}

	// The note.
	verifier, err := note.NewVerifier(in.Vkey)
	try(err)
	opened, err := note.Open([]byte(in.Note), note.VerifierList(verifier))
	try(err)
	skey, vkey, err := note.GenerateKey(rand.Reader, "example.com/witness")
	try(err)
	signer, err := note.NewSigner(skey)
	try(err)
	own, err := note.Sign(&note.Note{Text: opened.Text}, signer)
	try(err)
	both, err := note.Sign(opened, signer)
	try(err)
	try(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"checked": len(in.Proofs), "vkey": vkey, "note": string(own), "both": string(both),
	}))
}

func hashes(texts []string) []tlog.Hash {
	list := []tlog.Hash{}
	for _, text := range texts {
		var hash tlog.Hash
		if n, err := hex.Decode(hash[:], []byte(text)); err != nil || n != len(hash) {
			log.Fatalf("no hash: %s", text)
		}
		list = append(list, hash)
	}
	return list
}

func same(ours []string, theirs []tlog.Hash, what string, args ...any) {
	if len(ours)+len(theirs) > 0 && !reflect.DeepEqual(hashes(ours), theirs) {
		log.Fatalf("%s: %s, expected %v", fmt.Sprintf(what, args...), ours, theirs)
	}
}

func try(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
