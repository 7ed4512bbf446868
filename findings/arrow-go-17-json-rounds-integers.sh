#!/usr/bin/env bash
# Arrow Go 17.0.0: array.FromJSON gives another whole number than the JSON says, without an
# error, where that is beyond 2^53: the number goes through a float64, for int64 and uint64
# columns alike. Arrow Go 18.8.0 reads the same text right. With array.WithUseNumber version
# 17 is right too; nothing in its default says that values of a 64-bit column need it.
#
# Good sense: the number, or an error.
# Seen: 17.0.0 9007199254740992 for 9007199254740993, 18.8.0 9007199254740993.
set -euo pipefail
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
export GOFLAGS=-mod=mod
read_with() { # module version
  mkdir "$dir/$2"; cd "$dir/$2"
  printf 'module seen\n\ngo 1.23\n' > go.mod
  cat > main.go <<GO
package main

import (
	"fmt"
	"strings"

	"$1/arrow"
	"$1/arrow/array"
	"$1/arrow/memory"
)

func main() {
	a, _, err := array.FromJSON(memory.DefaultAllocator, arrow.PrimitiveTypes.Int64, strings.NewReader("[9007199254740993]"))
	if err != nil {
		fmt.Println("$2", err)
		return
	}
	fmt.Println("$2", a.ValueStr(0))
}
GO
  go get "$1@$2" 2>/dev/null
  go run .
}
seen=$(read_with github.com/apache/arrow/go/v17 v17.0.0; read_with github.com/apache/arrow-go/v18 v18.8.0)
echo "$seen"
[ "$seen" = "v17.0.0 9007199254740992
v18.8.0 9007199254740993" ]
