package croissant

import (
	"cmp"
	"regexp"
	"strconv"
	"strings"

	"guichet/connectors/rdf"
)

// files are those that have an address of their own, as links.
func (r *reader) files(values []rdf.Node) []any {
	var out []any
	for _, v := range values {
		p := r.properties("distribution: ", v, "name description contentUrl encodingFormat containedIn includes excludes sha256 md5 contentSize")
		name, address := cmp.Or(word(p["name"]), rdf.ID(v)), word(p["contentUrl"])
		switch {
		case len(p["includes"]) > 0:
			r.note("distribution: not kept, as a set of files is none: %s (%s)", name, word(p["includes"]))
		case len(p["containedIn"]) > 0:
			r.note("distribution: not kept, as it lies in another file: %s", name)
		case !strings.Contains(address, "://"):
			r.note("distribution: not kept, as it has no whole address: %s (%s)", name, address)
		case strings.HasPrefix(word(p["encodingFormat"]), "git"):
			r.note("distribution: not kept, as it is a repository and no file: %s", address)
		default:
			link := rdf.Node{nsDCAT + "downloadURL": []any{rdf.Node{"@id": address}}, nsDCT + "title": said(name)}
			if format := word(p["encodingFormat"]); format != "" {
				link[nsDCT+"format"] = said(format)
			}
			if len(p["description"]) > 0 {
				link[nsDCT+"description"] = nodes(p["description"])
			}
			r.sums(link, name, p)
			out = append(out, link)
		}
	}
	return out
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// recordSets are tables, but those that only list values.
func (r *reader) recordSets(values []rdf.Node) []any {
	var out []any
	seen := map[string]bool{}
	for i, v := range values {
		p := r.properties("recordSet: ", v, "name description field data key dataType")
		name := cmp.Or(word(p["name"]), rdf.ID(v))
		if len(p["data"]) > 0 || len(p["field"]) == 0 {
			r.note("recordSet: not kept, as it only lists values: %s", name)
			continue
		}
		slug := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(name), "-"), "-")
		if slug == "" || seen[slug] {
			slug = strings.Trim(slug+"-"+strconv.Itoa(i), "-")
		}
		seen[slug] = true
		schema := rdf.Node{nsCSVW + "column": r.columns(name, "", p["field"])}
		table := rdf.Node{nsOurs + "table": said(slug), nsCSVW + "tableSchema": []any{schema}}
		if title := p["description"]; len(title) > 0 {
			table[nsDCT+"title"] = nodes(title)
		}
		out = append(out, table)
	}
	return out
}

// columns are the fields of a record set; parts of a field are called by it, with a dot.
func (r *reader) columns(set, of string, fields []rdf.Node) []any {
	var out []any
	for _, v := range fields {
		p := r.properties("recordSet/field: ", v, "name description source dataType equivalentProperty subField")
		name := cmp.Or(word(p["name"]), rdf.ID(v))
		for _, source := range p["source"] {
			s := r.properties("recordSet/field/source: ", source, "fileObject fileSet extract")
			for _, extract := range s["extract"] {
				e := r.properties("recordSet/field/source/extract: ", extract, "column")
				name = cmp.Or(word(e["column"]), name)
			}
		}
		name = of + strings.TrimPrefix(name, set+"/")
		column := rdf.Node{nsCSVW + "name": said(name)}
		if len(p["description"]) > 0 {
			column[nsDCT+"description"] = nodes(p["description"])
		}
		r.typed(column, name, p)
		out = append(out, column)
		out = append(out, r.columns(set+"/"+name, name+".", p["subField"])...)
	}
	return out
}

// typed says what a column holds: one of our types, and what it means.
func (r *reader) typed(column rdf.Node, name string, p map[string][]rdf.Node) {
	concept := word(p["equivalentProperty"])
	for _, v := range p["dataType"] {
		iri := word([]rdf.Node{v})
		kind, known := map[string]string{
			"Text": "text", "URL": "text", "Integer": "int64", "Float": "float64", "Number": "float64", "Boolean": "bool", "Date": "date",
			"DateTime": "timestamp", "Time": "time", "Float32": "float32", "Float64": "float64", "Int8": "int8", "Int16": "int16", "Int32": "int32",
			"Int64": "int64", "UInt8": "uint8", "UInt16": "uint16", "UInt32": "uint32", "UInt64": "uint64",
		}[local(iri)]
		switch {
		case known && column[nsCSVW+"datatype"] == nil:
			column[nsCSVW+"datatype"] = said(kind)
		case !known && concept == "" && strings.Contains(iri, "://") && local(iri) == iri:
			concept = iri
		default:
			r.note("recordSet/field/dataType: not kept of %s: %s", name, local(iri))
		}
	}
	if concept != "" {
		column[nsCSVW+"propertyUrl"] = said(concept)
	}
}
