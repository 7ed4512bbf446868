package yaml

import (
	"bytes"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"

	"guichet/schemas"
)

// What the YAML parser costs grows with the square of the depth, and what its lexer
// costs with the square of a run of empty lines. So a document is bounded over its
// bytes before it is lexed, and over its tokens, which say exactly what the parser
// would nest, before it is parsed.
const (
	maxDepth  = 64
	maxMarks  = 1 << 17 // bytes that may begin a token
	maxTokens = 1 << 17
	maxBlank  = 200     // empty lines in a row
	maxPaths  = 8 << 20 // bytes of the pointers of all values together
)

// bounded lexes a document that is within bounds. Errors: Invalid with the line,
// TooLarge.
func bounded(b []byte) (token.Tokens, error) {
	err := boundBytes(b)
	if err != nil {
		return nil, err
	}
	tokens := lexer.Tokenize(string(b))
	return tokens, boundTokens(tokens)
}

// boundBytes counts what a lexer would work on. It does not know quotes and block
// scalars apart, so it counts too much, never too little; a depth is counted by the
// marks at the beginning of a line and by the brackets left open on it.
func boundBytes(b []byte) error {
	marks, blank, n := 0, 0, 0
	for line := range bytes.Lines(b) {
		n++
		rest := bytes.TrimLeft(line, " \t")
		if len(bytes.TrimSpace(rest)) == 0 {
			blank++
			if blank > maxBlank {
				return schemas.BadField("document", "", "line %d: more than %d empty lines in a row", n, maxBlank)
			}
			continue
		}
		blank = 0
		depth := 0
		for ; len(rest) > 1 && (rest[0] == '-' || rest[0] == '?') && rest[1] == ' '; rest = bytes.TrimLeft(rest[1:], " ") {
			depth++
		}
		marks += depth + 1
		for _, c := range rest {
			switch c {
			case '[', '{':
				marks++
				depth++
			case ']', '}':
				marks++
				depth--
			case ',', ':', '"', '\'', '#', '&', '*', '!', '|', '>', '-', '?':
				marks++
			}
			if depth > 4*maxDepth { // not in any text of a person's
				return tooDeep(n)
			}
		}
		if marks > maxMarks {
			return schemas.Errorf(schemas.TooLarge, "document", "the document has more than %d marks of YAML", maxMarks)
		}
	}
	return nil
}

// tooDeep refuses a document before the parser's recursion does harm.
func tooDeep(line int) error {
	return schemas.BadField("document", "", "line %d: nested more than %d levels", line, maxDepth)
}

// boundTokens counts how deep the parser would go: the brackets that are open, and
// the columns of the blocks around. Anchors and tags nest too, each around the next;
// they are refused later with their places, a few of them.
func boundTokens(tokens token.Tokens) error {
	if len(tokens) > maxTokens {
		return schemas.Errorf(schemas.TooLarge, "document", "the document has more than %d words and marks of YAML", maxTokens)
	}
	flow, marks := 0, 0
	var columns []int
	open := func(column int) {
		for len(columns) > 0 && columns[len(columns)-1] >= column {
			columns = columns[:len(columns)-1]
		}
		columns = append(columns, column)
	}
	for i, t := range tokens {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow = max(flow-1, 0)
		case token.SequenceEntryType, token.MappingKeyType:
			if flow == 0 {
				open(t.Position.Column)
			} else {
				marks++ // "? " nests within brackets too, and its end is not marked
			}
		case token.MappingValueType:
			if flow == 0 && i > 0 {
				open(tokens[i-1].Position.Column)
			}
		case token.AnchorType, token.AliasType, token.TagType, token.MergeKeyType, token.DirectiveType:
			marks++
		}
		if flow+len(columns)+marks > 2*maxDepth {
			return tooDeep(t.Position.Line)
		}
	}
	return nil
}
