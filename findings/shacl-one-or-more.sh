#!/usr/bin/env bash
# goRDFlib 0.1.5, package shacl: sh:oneOrMorePath leaves out a node that leads to itself.
# SHACL gives the path the meaning of SPARQL's p+ (section 2.3.1.5), which has the node where
# p leads back to it.
#
# Good sense: one value, so that minCount 1 holds.
# Seen: none, and a violation.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.26

require github.com/tggo/goRDFlib v0.1.5
MOD
cat >main.go <<'GO'
package main

import (
	"fmt"

	"github.com/tggo/goRDFlib/shacl"
)

func main() {
	shapes, err := shacl.LoadTurtleString(`@prefix sh: <http://www.w3.org/ns/shacl#> . @prefix ex: <https://x.example/> .
		ex:s a sh:NodeShape ; sh:targetNode ex:n ; sh:property [ sh:path [ sh:oneOrMorePath ex:p ] ; sh:minCount 1 ] .`, "https://x.example/")
	if err != nil {
		panic(err)
	}
	data, err := shacl.LoadTurtleString(`@prefix ex: <https://x.example/> . ex:n ex:p ex:n .`, "https://x.example/")
	if err != nil {
		panic(err)
	}
	fmt.Println("conforms:", shacl.Validate(data, shapes).Conforms, "(true is right)")
}
GO
go mod tidy >/dev/null 2>&1
said=$(go run .)
echo "$said"
[ "$said" = "conforms: false (true is right)" ] || { echo "this is not what was found"; exit 1; }
