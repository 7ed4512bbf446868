package duplicates

import (
	"cmp"
	"slices"
	"strings"

	"guichet/schemas"
)

// Bounds of what is compared of a dataset.
const (
	maxNames = 16
	maxFiles = 24
	maxPages = 16
	maxSums  = 8
	maxGiven = 10_000 // files that are looked at
)

// Described is what of a dataset is compared, each in its one spelling; nothing else of it is.
type Described struct {
	Origin    string   `json:"origin"` // who brought it: a source, or its provider
	Publisher string   `json:"publisher,omitempty"`
	Names     []string `json:"names,omitempty"` // identifiers that hold everywhere
	Local     []string `json:"local,omitempty"` // those of a register that is not said
	Files     []string `json:"files,omitempty"` // addresses of its distributions; where there are many, those whose hashes are least
	All       uint64   `json:"all,omitempty"`   // of all these addresses
	Pages     []string `json:"pages,omitempty"` // others that it names
	Sums      []string `json:"sums,omitempty"`  // checksums that it states
	Titles    []text   `json:"titles,omitempty"`
	Prints    []print  `json:"prints,omitempty"` // of its descriptions
	From      string   `json:"from,omitempty"`
	Until     string   `json:"until,omitempty"`
	Countries []string `json:"countries,omitempty"`
}

// Describe gives what of a dataset is compared. It is bounded whatever the dataset says.
func Describe(d *schemas.Dataset) Described {
	out := Described{Origin: string(d.Provider), From: d.From, Until: d.Until, Countries: slices.Clone(d.Countries),
		Publisher: strings.Join(fold(d.Publisher, maxTitle), " ")}
	if d.Source != "" {
		out.Origin = "source:" + string(d.Source)
	}
	slices.Sort(out.Countries)
	for _, id := range append([]string{d.IRI}, d.Identifiers...) {
		name, global := Name(id)
		if global {
			out.Names = with(out.Names, name, maxNames)
			out.Names = with(out.Names, uuidOf(name), maxNames)
		} else {
			out.Local = with(out.Local, name, maxNames)
		}
	}
	for i := range d.Links {
		out.Files = append(out.Files, Address(d.Links[i].URL))
		out.read(d.Links[i].RDF, true)
	}
	out.read(d.RDF, false)
	for _, tag := range languages(d.Title) {
		if words := strings.Join(fold(d.Title[tag], maxTitle), " "); words != "" {
			out.Titles = append(out.Titles, text{tag, words})
		}
	}
	for _, tag := range languages(d.Description) {
		s := d.Description[tag]
		out.Prints = append(out.Prints, fingerprint(tag, fold(named.ReplaceAllString(s, " "), maxText)))
		for _, address := range named.FindAllString(s, maxPages) {
			out.Pages = with(out.Pages, Address(strings.TrimRight(address, ".,;:!?")), maxPages)
		}
	}
	out.few()
	out.Pages = slices.DeleteFunc(out.Pages, func(p string) bool { return slices.Contains(out.Files, p) })
	return out
}

// few settles on the files that are compared: of two datasets with the same many files on the same few.
func (o *Described) few() {
	files := slices.DeleteFunc(union(o.Files[:min(len(o.Files), maxGiven)], nil), func(f string) bool { return f == "" })
	if len(files) > 0 {
		o.All = hash(strings.Join(files, " "))
	}
	if len(files) > maxFiles {
		slices.SortFunc(files, func(a, b string) int { return cmp.Compare(hash(a), hash(b)) })
		files = files[:maxFiles]
	}
	o.Files = files
}

// uuidOf gives the UUID in which a name ends, by which a record is the same in each catalogue
// that writes its own address before it.
func uuidOf(name string) string {
	id, global := Name(name[strings.LastIndexAny(name, "/=:#")+1:])
	if !global || !strings.HasPrefix(id, "uuid:") {
		return ""
	}
	return id
}

// with adds what is not there yet, while there is room.
func with(list []string, s string, most int) []string {
	if s == "" || len(list) >= most || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

// read takes pages, names and checksums out of what is kept of a description as Turtle, in the
// one form in which it is written (connectors/rdf/about): each property after a
// semicolon or the subject.
func (o *Described) read(turtle string, ofFile bool) {
	property, depth, fresh := "", 0, true
	for rest := turtle; rest != ""; {
		var token string
		token, rest = next(rest)
		switch {
		case token == "":
			continue
		case token == "[":
			depth++
			fresh = true
			continue
		case token == "]":
			depth--
		case token == ";":
			fresh = true
			continue
		case token == ".":
			fresh, depth = true, 0
			continue
		case fresh && token == "@base":
			_, rest = next(rest)
			continue
		case fresh && token == "<>":
			continue
		case fresh && depth == 0 && token[0] == '<': // another thing, which the text names: not the dataset
			return
		case fresh:
			property, fresh = token, false
			continue
		}
		o.took(property, token, ofFile)
	}
}

// took takes one value of what is kept.
func (o *Described) took(property, token string, ofFile bool) {
	value := strings.Trim(token, `<>"`)
	switch property {
	case "spdx:checksumValue":
		if sum := strings.ToLower(value); len(sum) >= 32 && len(sum) <= 128 && strings.Trim(sum, "0123456789abcdef") == "" && !empty(sum) {
			o.Sums = with(o.Sums, sum, maxSums)
		}
	case "dcat:downloadURL":
		o.Files = append(o.Files, Address(value))
	case "dcat:accessURL": // beside an address of a file: often the page of a whole series
		o.Pages = with(o.Pages, Address(value), maxPages)
	case "dcat:landingPage", "foaf:page", "dct:relation", "schema:url":
		if !ofFile {
			o.Pages = with(o.Pages, Address(value), maxPages)
		}
	case "owl:sameAs", "schema:sameAs", "schema:identifier", "skos:notation", "adms:identifier":
		name, global := Name(value)
		if global && !ofFile {
			o.Names = with(o.Names, name, maxNames)
		}
	}
}

// empty says whether a checksum is one of no bytes, in MD5, SHA-1 and SHA-256.
func empty(sum string) bool {
	return strings.HasPrefix(sum, "d41d8cd98f00b204e980") || strings.HasPrefix(sum, "da39a3ee5e6b4b0d3255") ||
		strings.HasPrefix(sum, "e3b0c44298fc1c149afb")
}

// next cuts the first token off a Turtle text: an address, a literal, a sign or a name.
func next(s string) (token, rest string) {
	s = strings.TrimLeft(s, " \t\r\n,")
	if s == "" {
		return "", ""
	}
	end := 1
	switch s[0] {
	case '<':
		end = strings.IndexByte(s, '>') + 1
	case '"':
		for end < len(s) && s[end] != '"' {
			if s[end] == '\\' {
				end++
			}
			end++
		}
		end++
	case '[', ']', ';', '.', '(', ')':
	default:
		end = strings.IndexAny(s, " \t\r\n,;[]")
	}
	if end <= 0 || end > len(s) {
		end = len(s)
	}
	return s[:end], s[end:]
}

// Keys are by what other datasets are found that may be the same: short, equal for equal values,
// bounded in number.
func (o *Described) Keys() []string {
	var out []string
	add := func(kind string, values []string) {
		for _, v := range values {
			out = append(out, key(kind, v))
		}
	}
	add("a", o.Names)
	add("a", o.Files)
	add("a", o.Pages)
	add("l", o.Local)
	add("s", o.Sums)
	for _, t := range o.Titles {
		if telling(t.Words) {
			out = append(out, key("t", t.Words))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
