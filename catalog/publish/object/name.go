package object

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The bounds of a name: what file systems take, so that a mount can show it.
const (
	maxName  = 700 // bytes; a key of S3 has 1,024, the version, table and split before it included
	maxPart  = 255
	maxDepth = 16
)

// CheckName says what keeps a text from being the name of an object: a path below a split, as
// trainers see it. It is "" for a name that can be one.
func CheckName(name string) string {
	parts := strings.Split(name, "/")
	switch {
	case name == "" || len(name) > maxName:
		return fmt.Sprintf("a name has between 1 and %d bytes", maxName)
	case !utf8.ValidString(name):
		return "a name is UTF-8"
	case strings.ContainsFunc(name, unseen):
		return "a name has no character that cannot be seen, and no backslash"
	case len(parts) > maxDepth:
		return fmt.Sprintf("a name has at most %d folders", maxDepth-1)
	}
	for _, part := range parts {
		if part == "" || part == "." || part == ".." {
			return "a name has no empty folder, none called . and none called .."
		}
		if len(part) > maxPart {
			return fmt.Sprintf("a folder or file has a name of at most %d bytes", maxPart)
		}
	}
	return ""
}

// unseen says whether a character cannot be seen, turns others around, or parts names elsewhere.
func unseen(r rune) bool {
	return r == '\\' || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r&0xfffe == 0xfffe
}

// CheckNames says what keeps names from being those of one split: the same one twice, or one
// that is a file and a folder. It is "", 0 where nothing does, else at is the place of the
// second of the two.
func CheckNames(names []string) (why string, at int) {
	order := make([]int, len(names))
	places := make(map[string]int, len(names))
	for i, name := range names {
		order[i] = i
		if first, twice := places[name]; twice {
			return "there are two objects of this name", max(i, first)
		}
		places[name] = i
	}
	slices.Sort(order)
	for _, i := range order {
		for folder := path.Dir(names[i]); folder != "."; folder = path.Dir(folder) {
			if _, is := places[folder]; is {
				return fmt.Sprintf("%s is an object and cannot be a folder too", folder), i
			}
		}
	}
	return "", 0
}
