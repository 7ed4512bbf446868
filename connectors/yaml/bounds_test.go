package yaml

import (
	"errors"
	"strings"
	"testing"

	"guichet/schemas"
)

// What would be dear to parse is refused before it is parsed: each is a little
// beyond a bound, so that none would do harm if it were not.
func TestYAMLBounds(t *testing.T) {
	deep := 2*maxDepth + 2
	for name, doc := range map[string]string{
		"brackets":           strings.Repeat("[", deep),
		"bracketsOverLines":  strings.Repeat("[\n", deep),
		"quotedBrackets":     strings.Repeat(`["]", `, deep),
		"braces":             strings.Repeat("{a: ", deep),
		"dashes":             strings.Repeat("- ", deep) + "x",
		"keys":               strings.Repeat("? ", deep) + "x",
		"keysInBrackets":     "[" + strings.Repeat("? ", deep) + "x]",
		"lines":              blocks(deep, "a:"),
		"listsOverLines":     blocks(deep, "-"),
		"anchors":            strings.Repeat("&a ", deep) + "x",
		"tags":               strings.Repeat("!a ", deep) + "x",
		"emptyLines":         "a: |\n" + strings.Repeat("\n", maxBlank+1) + "b: c\n",
		"marks":              "a: [" + strings.Repeat(",", maxMarks) + "]",
		"tokens":             strings.Repeat("- a\n", maxTokens/2+1),
		"longNames":          strings.Repeat("n", maxPaths/1000) + ":\n" + strings.Repeat(" - a\n", 1001),
		"deepAndBackAgain":   "a: 1\nb: " + strings.Repeat("[", deep) + strings.Repeat("]", deep),
		"commentedOutClosed": "a: " + strings.Repeat("[ # ]\n ", deep),
	} {
		_, err := Parse([]byte(doc))
		k := schemas.KindOf(err)
		if k != schemas.Invalid && k != schemas.TooLarge {
			t.Errorf("%s: %v", name, err)
		}
		if e, ok := errors.AsType[*schemas.Error](err); ok && strings.Contains(e.Message, "not YAML") && name != "keysInBrackets" {
			t.Errorf("%s came to the parser: %v", name, err)
		}
	}
}

func blocks(depth int, mark string) string {
	var b strings.Builder
	for i := range depth {
		b.WriteString(strings.Repeat(" ", i) + mark + "\n")
	}
	return b.String()
}

// What people write is not refused by the bounds.
func TestYAMLWithinBounds(t *testing.T) {
	doc := "title:\n  en: Brackets [[[ and *stars* & 'quotes'\ndescription:\n  en: |\n    * one [\n    ! two {{{\n\n    & three\ntables:\n- name: a\n  columns:\n" +
		strings.Repeat("  - {name: x, type: int64, unit: \"kg[\"}\n", 2000)
	y, err := Parse([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(y.JSON), "two {{{") {
		t.Errorf("%.200s", y.JSON)
	}
}
