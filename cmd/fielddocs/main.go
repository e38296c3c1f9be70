// Command fielddocs writes field_docs.go for the package in the current folder: the comments of its kinds, for the JSON
// Schema and the reference pages. Run it by a line in the package:
//
//	//go:generate go run github.com/everhook/everhook/cmd/fielddocs
//
// With -check it writes nothing, and fails if the file is not up to date.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/everhook/everhook/internal/fielddocs"
)

func main() {
	types := flag.String("types", "",
		"the structs to start from, separated by commas (default: those with a method Spec)")
	check := flag.Bool("check", false, "fail if the file is not up to date, and write nothing")
	flag.Parse()
	if err := run(*types, *check); err != nil {
		fmt.Fprintln(os.Stderr, "fielddocs:", err)
		os.Exit(1)
	}
}

func run(types string, check bool) error {
	var from []string
	if types != "" {
		from = strings.Split(types, ",")
	}
	generated, err := fielddocs.Generate(".", from)
	if err != nil {
		return err
	}
	if !check {
		return os.WriteFile(fielddocs.File, generated, 0o644)
	}
	existing, err := os.ReadFile(fielddocs.File)
	if err == nil && !bytes.Equal(existing, generated) {
		err = errors.New(fielddocs.File + " is not up to date; run go generate")
	}
	return err
}
