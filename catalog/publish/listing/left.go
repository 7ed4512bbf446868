package listing

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"guichet/connectors/s3"
	"guichet/schemas"
)

// Left names objects under a prefix that are no shards.
type Left struct {
	Prefix  string   `json:"prefix"`
	Names   []string `json:"names"` // the first
	Count   int      `json:"count"`
	Objects bool     `json:"objects,omitempty"` // it is of a table of objects
}

// maxLeft is how many objects that are left out a note names.
const maxLeft = 10

// Shards leaves out of a listing what stands beside shards: names that begin with _
// or . (Spark's _SUCCESS, checksums), and texts about the data. A folder of a table
// format is refused: its files hold rows that were changed or removed since. Errors:
// Invalid.
func Shards(objects []s3.Info, prefix, at string) ([]s3.Info, *Left, error) {
	left := &Left{Prefix: prefix}
	var out []s3.Info
	for _, o := range objects {
		name := strings.TrimPrefix(o.Key, prefix)
		if format := tableFormat(name); format != "" {
			return nil, nil, schemas.BadField(
				"publication",
				at+"/prefix",
				"%s is %s table (%s): its files hold rows that were removed or changed since; write the rows of today into a folder of plain "+
					"Parquet files and publish that",
				prefix, format, name,
			)
		}
		if beside(name) {
			left.Count++
			if len(left.Names) < maxLeft {
				left.Names = append(left.Names, name)
			}
			continue
		}
		out = append(out, o)
	}
	if left.Count == 0 {
		left = nil
	}
	return out, left, nil
}

// tableFormat tells by an object's name under a prefix that the folder is a table whose
// own log says which rows count.
func tableFormat(name string) string {
	folders := strings.Split(name, "/")
	file := folders[len(folders)-1]
	folders = folders[:len(folders)-1]
	switch {
	case slices.Contains(folders, "_delta_log"):
		return "a Delta"
	case slices.Contains(folders, ".hoodie"):
		return "a Hudi"
	case slices.Contains(folders, "metadata") && (strings.HasSuffix(file, ".metadata.json") || file == "version-hint.text"):
		return "an Iceberg"
	}
	return ""
}

// beside says whether an object under a prefix is no shard by its name.
func beside(name string) bool {
	for _, part := range strings.Split(name, "/") {
		if part != "" && (part[0] == '_' || part[0] == '.') && !strings.Contains(part, "=") { // _col=1 is a column
			return true
		}
	}
	file := strings.ToLower(path.Base(name))
	word, _, _ := strings.Cut(file, ".")
	switch path.Ext(file) {
	case ".md", ".markdown", ".rst", ".pdf", ".html", ".htm", ".md5", ".sha1", ".sha256", ".sha512", ".crc":
		return true
	case "", ".txt":
		return slices.Contains(
			[]string{"readme", "license", "licence", "copying", "notice", "changelog", "citation", "checksums", "md5sums", "sha256sums"},
			word)
	case ".cff":
		return word == "citation"
	}
	return false
}

// String says what was left out.
func (l *Left) String() string {
	names := strings.Join(l.Names, ", ")
	if l.Count > len(l.Names) {
		names += fmt.Sprintf(" and %d more", l.Count-len(l.Names))
	}
	return names
}

// Note is the report's line on what was left out.
func (l *Left) Note() schemas.FieldError {
	if l.Objects {
		return schemas.FieldError{
			Pointer: l.Prefix, Message: fmt.Sprintf("left out, as names that begin with a dot and empty folders are no data: %s", l),
		}
	}
	return schemas.FieldError{
		Pointer: l.Prefix,
		Message: fmt.Sprintf("left out, as names that begin with _ or . and texts beside the data are no shards: %s", l),
	}
}

// Objects leaves out of a listing what is no object of a data set: folders that a tool made
// as objects, and files whose names begin with a dot.
func Objects(objects []s3.Info, prefix string) ([]s3.Info, *Left) {
	left := &Left{Prefix: prefix, Objects: true}
	out := slices.DeleteFunc(slices.Clone(objects), func(o s3.Info) bool {
		name := strings.TrimPrefix(o.Key, prefix)
		if !strings.HasSuffix(name, "/") && name != "" && name[0] != '.' && !strings.Contains(name, "/.") {
			return false
		}
		if left.Count++; len(left.Names) < maxLeft {
			left.Names = append(left.Names, name)
		}
		return true
	})
	if left.Count == 0 {
		return out, nil
	}
	return out, left
}
