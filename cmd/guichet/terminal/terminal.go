// Package terminal is how the command line talks to people and machines.
//
// In: nouns as the API gives them. Out: JSON documents, tables, bars of progress, and the
// words in which numbers, days, decisions and duties are told: the same sentence at every
// verb. Always: what shows nothing, or moves what others wrote, is escaped before it
// reaches a terminal. It must not know where the nouns come from.
package terminal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf16"

	"guichet/schemas"
)

// Terminal is what a verb talks to.
type Terminal struct {
	In       io.Reader
	Out, Err io.Writer
	JSON     bool
	Brakes   bool // the verb takes rights away
}

// Print writes one JSON document.
func (t *Terminal) Print(v any) error {
	return t.Encode(t.Out, "  ", v)
}

// Encode writes JSON in which what shows nothing, or moves others, is escaped: it may be
// read on a terminal too.
func (t *Terminal) Encode(w io.Writer, indent string, v any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", indent)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	if err != nil {
		return err
	}
	var out strings.Builder
	for _, r := range b.String() {
		switch {
		case r < 0x7f || !strings.Contains(schemas.Visible(string(r)), `\u{`):
			out.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	_, err = io.WriteString(w, out.String())
	return err
}

// List writes a list as JSON, or as a table: one row per item.
func List[T any](t *Terminal, items []T, head string, row func(T) []string) error {
	return ListOr(t, items, "nothing yet", head, row)
}

// ListOr is list with the words for an empty one: after a filter, that nothing
// matches does not mean that there is nothing.
func ListOr[T any](t *Terminal, items []T, none, head string, row func(T) []string) error {
	if t.JSON {
		if items == nil {
			items = []T{}
		}
		return t.Print(map[string]any{"items": items})
	}
	if len(items) == 0 {
		fmt.Fprintln(t.Out, none)
		return nil
	}
	w := tabwriter.NewWriter(t.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, head)
	for _, it := range items {
		fmt.Fprintln(w, strings.Join(row(it), "\t"))
	}
	return w.Flush()
}
