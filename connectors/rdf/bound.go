package rdf

import (
	"guichet/schemas"
)

// maxName bounds the name of a member, in bytes: an IRI and more.
const maxName = 2048

// maxPaths bounds the pointers of all values of a document together, in bytes: readers
// keep them for what they say of faults, and a long name above many values would
// stand in each.
const maxPaths = 16 << 20

// Bound holds the bytes of a JSON document against limits before anything is made
// of them: size, depth, values, the length of names. It is as dear as reading the
// bytes once and keeps nothing; whether they are JSON is not its question. Errors:
// TooLarge, Invalid for a document that is too deep.
func Bound(src []byte, l Limits) error {
	if len(src) > l.Bytes {
		return schemas.Errorf(schemas.TooLarge, "document", "the document has %d bytes; at most %d are read", len(src), l.Bytes)
	}
	var names []int // length of the path down to each open object or array
	path, values, paths, name := 0, 1, 0, 0
	for i := 0; i < len(src); i++ {
		switch src[i] {
		case '"':
			end := endOfString(src, i)
			name = end - i
			i = end
		case ':':
			if name > maxName {
				return schemas.BadField("document", "", "the name of a member has at most %d bytes", maxName)
			}
			if len(names) > 0 {
				path = names[len(names)-1] + name
			}
			values++
			paths += path
		case '{', '[':
			values++
			paths += path
			names = append(names, path)
			if len(names) > l.Depth {
				return schemas.BadField("document", "", "the document is nested more than %d levels", l.Depth)
			}
		case '}', ']':
			if len(names) > 0 {
				path = names[len(names)-1]
				names = names[:len(names)-1]
			}
		case ',':
			values++
			if len(names) > 0 {
				path = names[len(names)-1]
			}
			paths += path
		}
		if values > 2*l.Values { // a member and its value are both counted
			return schemas.Errorf(schemas.TooLarge, "document", "the document has more than %d values", l.Values)
		}
		if paths > maxPaths {
			return schemas.Errorf(schemas.TooLarge, "document", "the names of nested members are too long for so many values")
		}
	}
	return nil
}

// endOfString is where the string that begins at i ends: its closing quote, or the
// document's last byte.
func endOfString(src []byte, i int) int {
	for i++; i < len(src); i++ {
		switch src[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(src) - 1
}
