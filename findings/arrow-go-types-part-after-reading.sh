#!/usr/bin/env bash
# Arrow Go 18.8.0: two large lists of timestamps with one zone are equal types until a value
# of one of them is read as text; then arrow.TypeEqual says that they are not. The timestamp
# type keeps its location from then on, and large lists are compared field by field, that
# memory included. Lists, structs and maps of the same timestamps stay equal. Schemas are
# compared so before a record is made of columns, a record batch passed on, files joined.
#
# Good sense: reading a value changes no type.
# Seen: large_list true before, false after; the others true, true.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > go.mod <<'MOD'
module seen

go 1.23
MOD
cat > main.go <<'GO'
package main

import (
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

func main() {
	for _, c := range []struct {
		name string
		of   func(t arrow.DataType) arrow.DataType
	}{
		{"large_list", func(t arrow.DataType) arrow.DataType { return arrow.LargeListOf(t) }},
		{"list", func(t arrow.DataType) arrow.DataType { return arrow.ListOf(t) }},
		{"map", func(t arrow.DataType) arrow.DataType { return arrow.MapOf(arrow.BinaryTypes.String, t) }},
		{"struct", func(t arrow.DataType) arrow.DataType { return arrow.StructOf(arrow.Field{Name: "x", Type: t}) }},
	} {
		a := &arrow.TimestampType{Unit: arrow.Second, TimeZone: "UTC"}
		b := &arrow.TimestampType{Unit: arrow.Second, TimeZone: "UTC"}
		before := arrow.TypeEqual(c.of(a), c.of(b))
		values := array.NewTimestampBuilder(memory.DefaultAllocator, a)
		values.Append(0)
		_ = values.NewArray().ValueStr(0)
		fmt.Println(c.name, before, arrow.TypeEqual(c.of(a), c.of(b)))
	}
}
GO
export GOFLAGS=-mod=mod
go get github.com/apache/arrow-go/v18@v18.8.0 2>/dev/null
seen=$(go run .)
echo "$seen"
[ "$seen" = "large_list true false
list true true
map true true
struct true true" ]
