package croissant

import (
	"cmp"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"guichet/schemas"
)

const arrowFile = "application/vnd.apache.arrow.file"

// files gives the files of the version, and says whether they are live: made for whom asks,
// so that no sum is given. Links to data held elsewhere are live too, where nobody has
// said the sums of their bytes.
func (w *writer) files() (files []object, live bool) {
	files = []object{}
	for i := range w.tables() {
		t := &w.v.Data[i]
		for j := range t.Splits {
			s := &t.Splits[j]
			if !w.stored || len(s.Shards) == 0 || len(files)+len(s.Shards) > maxFiles {
				live = true
				files = append(files, w.whole(t, s))
				continue
			}
			for k := range s.Shards {
				files = append(files, w.file(t, s, k))
			}
		}
	}
	for _, t := range w.waiting() {
		live = true
		files = append(files, object{
			"@type": "cr:FileObject", "@id": t.Name + "/all", "name": t.Name, "encodingFormat": "application/vnd.apache.arrow.stream",
			"contentUrl": w.page + "#" + url.PathEscape(t.Name), "description": "What will be published of the table",
		})
	}
	for i, l := range w.d.Links {
		f := object{
			"@type": "cr:FileObject", "@id": fmt.Sprintf("link-%d", i), "name": cmp.Or(l.Title, fmt.Sprintf("link-%d", i)),
			"contentUrl": l.URL, "encodingFormat": mediaType(l.Format),
		}
		if !tellFile(f, &l) {
			live = true
		}
		files = append(files, f)
	}
	return files, live
}

// tables are those of the version.
func (w *writer) tables() []schemas.Table {
	if w.v == nil {
		return nil
	}
	return w.v.Data
}

// waiting are the tables with rows that are described and not published yet.
func (w *writer) waiting() []*schemas.TableInfo {
	var out []*schemas.TableInfo
	for i := range w.d.Tables {
		t := &w.d.Tables[i]
		published := slices.ContainsFunc(w.tables(), func(p schemas.Table) bool { return p.Name == t.Name })
		if !published && !t.Objects && len(t.Fields) > 0 {
			out = append(out, t)
		}
	}
	return out
}

// whole is a split that is not told file by file.
func (w *writer) whole(t *schemas.Table, s *schemas.Split) object {
	kind := "application/vnd.apache.arrow.stream"
	if t.Objects {
		kind = "application/octet-stream"
	}
	return object{
		"@type": "cr:FileObject", "@id": t.Name + "/" + s.Name, "name": t.Name + "/" + s.Name, "encodingFormat": kind,
		"contentUrl": w.at(t.Name + "/" + s.Name), "description": "What an agreement shows of the split",
	}
}

// file is one shard or object. A shard is told as it was published; under an agreement it
// comes with the same record batches.
func (w *writer) file(t *schemas.Table, s *schemas.Split, n int) object {
	sh := &s.Shards[n]
	name, kind := fmt.Sprintf("%d.arrow", n), arrowFile
	if t.Objects {
		name, kind = sh.Name, cmp.Or(sh.MediaType, "application/octet-stream")
	}
	folder := t.Name + "/" + s.Name + "/"
	return object{
		"@type": "cr:FileObject", "@id": folder + plain(name, n), "name": name, "contentUrl": w.at(folder + name),
		"contentSize": size(sh.Size), "sha256": sh.SHA256, "encodingFormat": kind,
	}
}

var isPlain = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._/-]*$`)

// plain is a name as a part of an @id, which mlcroissant takes without white space only:
// others by their number.
func plain(name string, n int) string {
	if isPlain.MatchString(name) {
		return name
	}
	return fmt.Sprintf(".%d", n)
}

// at is where data is had: at the dataset's page, since an agreement comes first.
func (w *writer) at(path string) string {
	return w.page + "#" + (&url.URL{Path: w.version() + "/" + path}).EscapedPath()
}

func (w *writer) version() string { return url.PathEscape(string(w.v.Version)) }

var isMediaType = regexp.MustCompile(`^[a-z]+/[A-Za-z0-9][A-Za-z0-9.+_-]*$`)

// mediaType is the format of a link as a media type, which Croissant wants, where that is known.
func mediaType(format string) string {
	if isMediaType.MatchString(format) {
		return format
	}
	known, ok := map[string]string{
		"CSV": "text/csv", "TSV": "text/tab-separated-values", "JSON": "application/json", "XML": "application/xml", "ZIP": "application/zip",
		"PDF": "application/pdf", "TXT": "text/plain", "HTML": "text/html", "GEOJSON": "application/geo+json",
		"PARQUET": "application/vnd.apache.parquet",
	}[strings.ToUpper(format)]
	if ok {
		return known
	}
	return "application/octet-stream"
}

// recordSets are the tables with their columns: those of the version where there is one,
// else those that are described.
func (w *writer) recordSets() []object {
	out := []object{}
	described := map[string]*schemas.TableInfo{}
	for i := range w.d.Tables {
		described[w.d.Tables[i].Name] = &w.d.Tables[i]
	}
	for i := range w.tables() {
		t := &w.v.Data[i]
		info := described[t.Name]
		if info == nil {
			info = &schemas.TableInfo{Name: t.Name}
		}
		if t.Objects || len(t.Splits) == 0 {
			continue
		}
		source := t.Name + "/" + t.Splits[0].Name
		if w.stored && len(t.Splits[0].Shards) > 0 {
			source += "/0.arrow"
		}
		var fields []object
		for n, c := range schemas.Described(t.Columns, info.Fields) {
			fields = append(fields, field(t.Name, n, source, c))
		}
		out = append(out, recordSet(info, fields))
	}
	for _, info := range w.waiting() {
		var fields []object
		for n, c := range info.Fields {
			said := schemas.TableColumn{Name: c.Name, Type: c.Type, Concept: c.Concept, Description: c.Description}
			fields = append(fields, field(info.Name, n, info.Name+"/all", said))
		}
		out = append(out, recordSet(info, fields))
	}
	return out
}

func recordSet(info *schemas.TableInfo, fields []object) object {
	out := object{"@type": "cr:RecordSet", "@id": info.Name, "name": info.Name, "field": fields}
	if len(info.Title) > 0 {
		out["description"] = text(info.Title)
	}
	return out
}

// field is the n-th column of a table; source is the file that has it.
func field(table string, n int, source string, c schemas.TableColumn) object {
	out := object{"@type": "cr:Field", "@id": table + "/" + plain(c.Name, n), "name": c.Name,
		"source": object{"fileObject": object{"@id": source}, "extract": object{"column": c.Name}}}
	if len(c.Description) > 0 {
		out["description"] = text(c.Description)
	}
	if c.Concept != "" {
		out["equivalentProperty"] = c.Concept
	}
	typed(out, c)
	return out
}

var (
	number  = regexp.MustCompile(`^(u?int|float)(8|16|32|64)$`)
	listOf  = regexp.MustCompile(`^(?:large_|fixed_size_)?list<(?:[^:>]*: )?([^,<>]+)(?:, nullable)?>(?:\[(\d+)\])?$`)
	valueOf = regexp.MustCompile(`^dictionary<values=([a-z0-9_]+)`)
	ofWords = regexp.MustCompile(`^[a-z_0-9]+`)
)

// typed says what a column holds, from its Arrow type in words: a list as an array of its
// members. What has no name in Croissant is text.
func typed(f object, c schemas.TableColumn) {
	words := c.Type
	if m := listOf.FindStringSubmatch(words); m != nil {
		f["isArray"], f["arrayShape"] = true, cmp.Or(m[2], "-1")
		words = m[1]
	}
	if m := valueOf.FindStringSubmatch(words); m != nil {
		words = m[1]
	}
	f["dataType"] = dataType(words, c.MediaType)
}

func dataType(words, mediaType string) string {
	if m := number.FindStringSubmatch(words); m != nil {
		return "cr:" + map[string]string{"int": "Int", "uint": "UInt", "float": "Float"}[m[1]] + m[2]
	}
	kind, _, _ := strings.Cut(mediaType, "/")
	if media, ok := map[string]string{"image": "sc:ImageObject", "audio": "sc:AudioObject", "video": "sc:VideoObject"}[kind]; ok {
		return media
	}
	known, ok := map[string]string{
		"bool": "sc:Boolean", "date32": "sc:Date", "date64": "sc:Date", "date": "sc:Date", "timestamp": "sc:DateTime", "time32": "sc:Time",
		"time64": "sc:Time", "time": "sc:Time", "decimal": "sc:Float",
	}[ofWords.FindString(words)]
	return cmp.Or(map[bool]string{true: known}[ok], "sc:Text")
}
