// Package spaces reads data spaces and the versions of their metadata profiles, which are
// folders of data: those embedded here, and those of an operator beside them.
//
// In: file systems. Out: spaces with their baselines and forms, versions of profiles with
// their shapes, vocabularies with labels. Always: what is read is bounded in number and
// bytes; a fault is named with its file, and its line where there is one; a folder of an operator's
// adds and never replaces. What shapes mean it does not know: connectors/shacl does.
//
//	SPACE/profile.json                   id, title, theme, required fields, profiles (newest first)
//	SPACE/baseline.rego                  what holds for every dataset of the space
//	SPACE/request.json                   what a request in the space is asked
//	SPACE/sample.ttl                     a description that meets its newest published profile
//	[SPACE/]PROFILE/VERSION/version.json title, status, shapes, vocabularies, what it extends
//	vocabularies/NAME.json               a scheme with its codes
package spaces

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"guichet/schemas"
)

// files are the embedded folders.
//
//go:embed */*
var files embed.FS

// Limits of what an operator's folder holds.
const (
	maxFile    = 4 << 20
	maxEntries = 1000
)

// Set is what was read.
type Set struct {
	Spaces       []schemas.SpaceProfile // by id
	Versions     []Version              // by id
	Vocabularies map[string]Vocabulary  // by name
	Forms        map[schemas.SpaceID]Form
	Samples      map[schemas.SpaceID][]byte // Turtle

	at map[schemas.SpaceID]string // folders of spaces, for faults
}

// Version is one version of a metadata profile.
type Version struct {
	ID           string       `json:"-"` // PROFILE/VERSION, such as dcat-ap/3.0.1
	Title        schemas.Text `json:"title"`
	Status       string       `json:"status"`            // published, draft, superseded
	Extends      []string     `json:"extends,omitempty"` // whoever meets it meets these too
	Shapes       []string     `json:"shapes"`            // files of shapes: SHACL in Turtle
	Recommended  []string     `json:"recommended,omitempty"`
	Vocabularies []string     `json:"vocabularies,omitempty"` // names

	Turtle map[string][]byte `json:"-"` // the files, by name
	At     string            `json:"-"` // where it was read, for faults
}

// Vocabulary is a scheme of concepts.
type Vocabulary struct {
	Scheme   string                  `json:"scheme"` // IRI
	Base     string                  `json:"base"`   // what the IRIs of its concepts begin with
	Types    []string                `json:"types,omitempty"`
	Concepts map[string]schemas.Text `json:"concepts"` // by what their IRIs end with
}

// Form is what a request in a space is asked: what it says beside its datasets. Pages and
// commands can draw it.
type Form struct {
	Fields []FormField `json:"fields"`
}

// FormField is one question. Name is a member of a request (purpose, factory, until,
// action, message, contact), or answers/KEY for one of its answers.
type FormField struct {
	Name     string       `json:"name"`
	Label    schemas.Text `json:"label"`
	Help     schemas.Text `json:"help,omitempty"`
	Required bool         `json:"required,omitempty"`
	Choices  []string     `json:"choices,omitempty"`    // closed list; purposes by id
	From     string       `json:"vocabulary,omitempty"` // or the codes of a vocabulary, by its name
	Options  []Option     `json:"options,omitempty" doc:"the codes of the vocabulary, with their labels; never written in files"`
}

// Option is a code that a question may be answered with.
type Option struct {
	Code  string       `json:"code"`
	Label schemas.Text `json:"label"`
}

// Embedded reads the spaces that every gateway has.
func Embedded() (Set, error) { return Load() }

// Profiles are the embedded spaces in the order of their ids, without what belongs to
// them: they are read often.
func Profiles() ([]schemas.SpaceProfile, error) {
	entries, err := fs.Glob(files, "*/profile.json")
	if err != nil {
		return nil, fmt.Errorf("list the data spaces: %w", err)
	}
	s := Set{at: map[schemas.SpaceID]string{}}
	for _, e := range entries {
		err = s.space(Folder{"schemas/spaces", files}, path.Dir(e))
		if err != nil {
			return nil, err
		}
	}
	return s.Spaces, nil
}

// Folder is a folder of an operator's, with its name for faults.
type Folder struct {
	Name string
	FS   fs.FS
}

// Load reads the embedded spaces and those of further folders. Errors: Invalid, with the
// file and what is wrong in it.
func Load(more ...Folder) (Set, error) {
	s := Set{
		Vocabularies: map[string]Vocabulary{}, Forms: map[schemas.SpaceID]Form{}, Samples: map[schemas.SpaceID][]byte{},
		at: map[schemas.SpaceID]string{},
	}
	for _, f := range append([]Folder{{"schemas/spaces", files}}, more...) {
		err := s.folder(f)
		if err != nil {
			return Set{}, err
		}
	}
	slices.SortFunc(s.Spaces, func(a, b schemas.SpaceProfile) int { return strings.Compare(string(a.ID), string(b.ID)) })
	slices.SortFunc(s.Versions, func(a, b Version) int { return strings.Compare(a.ID, b.ID) })
	return s, s.whole()
}

// Version finds a version of a profile.
func (s *Set) Version(id string) (*Version, bool) {
	i := slices.IndexFunc(s.Versions, func(v Version) bool { return v.ID == id })
	if i < 0 {
		return nil, false
	}
	return &s.Versions[i], true
}

// Newest is the newest published version of a space's profiles, "" where it has none.
func (s *Set) Newest(p *schemas.SpaceProfile) string {
	for _, id := range p.Profiles {
		if v, ok := s.Version(id); ok && v.Status == "published" {
			return id
		}
	}
	return ""
}

// bad says what is wrong in a file.
func bad(file, format string, args ...any) *schemas.Error {
	return &schemas.Error{Kind: schemas.Invalid, Subject: file, Message: file + ": " + fmt.Sprintf(format, args...),
		Remedy: "docs/spaces.md says what a data space's folder holds"}
}

// name is what folders, spaces and versions are called: Rego and URLs hold them.
var (
	name      = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	profileID = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}/[a-z0-9][a-z0-9._-]{0,63}$`)
)

// folder reads every space, profile and vocabulary of a folder.
func (s *Set) folder(f Folder) error {
	entries, err := fs.ReadDir(f.FS, ".")
	if err != nil {
		return bad(f.Name, "the folder cannot be read: %v", err)
	}
	if len(entries) > maxEntries {
		return bad(f.Name, "the folder has %d entries, at most %d are read", len(entries), maxEntries)
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if e.Name() == "vocabularies" {
			err = s.vocabularies(f)
		} else {
			err = s.entry(f, e.Name())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// entry reads a space, or a profile that belongs to none.
func (s *Set) entry(f Folder, dir string) error {
	_, err := fs.Stat(f.FS, dir+"/profile.json")
	if errors.Is(err, fs.ErrNotExist) {
		return s.profile(f, dir, dir)
	}
	err = s.space(f, dir)
	if err != nil {
		return err
	}
	err = s.beside(f, dir, schemas.SpaceID(dir))
	if err != nil {
		return err
	}
	entries, err := fs.ReadDir(f.FS, dir)
	if err != nil || len(entries) > maxEntries {
		return bad(f.Name+"/"+dir, "the folder cannot be read: %v, %d entries", err, len(entries))
	}
	for _, e := range entries {
		if e.IsDir() {
			err = s.profile(f, dir+"/"+e.Name(), e.Name())
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// space reads a space itself.
func (s *Set) space(f Folder, dir string) error {
	var p schemas.SpaceProfile
	at := dir + "/profile.json"
	err := decode(f, at, &p)
	if err != nil {
		return err
	}
	switch {
	case string(p.ID) != dir || !name.MatchString(dir):
		return bad(f.Name+"/"+at, "its id is %q: it is the folder's name (lower-case letters, digits and _), and this one is %q", p.ID, dir)
	case slices.ContainsFunc(s.Spaces, func(have schemas.SpaceProfile) bool { return have.ID == p.ID }):
		return bad(f.Name+"/"+at, "there is a data space %s already", p.ID)
	case p.Title["en"] == "":
		return bad(f.Name+"/"+at, "it has no title in English (en)")
	}
	for _, field := range p.Required {
		if !slices.Contains(requirable(), field) {
			return bad(f.Name+"/"+at, "required names %q: a space can ask for %s", field, strings.Join(requirable(), ", "))
		}
	}
	b, err := read(f, dir+"/baseline.rego")
	if err != nil {
		return err
	}
	p.Baseline = string(b)
	if want := "package guichet.space." + dir; !regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(want) + `\s*$`).Match(b) {
		return bad(f.Name+"/"+dir+"/baseline.rego", "its package is not %s", want)
	}
	s.Spaces, s.at[p.ID] = append(s.Spaces, p), f.Name+"/"+dir
	return nil
}

// requirable are the fields without which a space may refuse a registration.
func requirable() []string { return []string{"title", "description", "licence", "countries"} }

// isField says whether a name is one of what requests say.
func isField(s string) bool {
	key, answer := strings.CutPrefix(s, "answers/")
	return answer && name.MatchString(key) || slices.Contains([]string{"purpose", "factory", "until", "action", "message", "contact"}, s)
}

// beside reads the form and the sample of a space, which it may have.
func (s *Set) beside(f Folder, dir string, id schemas.SpaceID) error {
	var form Form
	err := decode(f, dir+"/request.json", &form)
	if err == nil {
		s.Forms[id] = form
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	b, err := read(f, dir+"/sample.ttl")
	if err == nil {
		s.Samples[id] = b
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// profile reads the versions of a profile.
func (s *Set) profile(f Folder, dir, profile string) error {
	entries, err := fs.ReadDir(f.FS, dir)
	if err != nil || len(entries) > maxEntries {
		return bad(f.Name+"/"+dir, "the folder cannot be read: %v, %d entries", err, len(entries))
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		v := Version{ID: profile + "/" + e.Name(), Turtle: map[string][]byte{}, At: f.Name + "/" + path.Join(dir, e.Name())}
		at := path.Join(dir, e.Name(), "version.json")
		err = decode(f, at, &v)
		if err != nil {
			return err
		}
		switch {
		case !profileID.MatchString(v.ID):
			return bad(f.Name+"/"+at, "%q is no name of a profile's version", v.ID)
		case !slices.Contains([]string{"published", "draft", "superseded"}, v.Status):
			return bad(f.Name+"/"+at, "its status is %q, not published, draft or superseded", v.Status)
		case len(v.Shapes) == 0:
			return bad(f.Name+"/"+at, "it names no shapes")
		}
		if _, twice := s.Version(v.ID); twice {
			return bad(f.Name+"/"+at, "there is a profile %s already", v.ID)
		}
		for _, file := range append(slices.Clone(v.Shapes), v.Recommended...) {
			v.Turtle[file], err = read(f, path.Join(dir, e.Name(), file))
			if err != nil {
				return err
			}
		}
		s.Versions = append(s.Versions, v)
	}
	return nil
}

// vocabularies reads the schemes of a folder.
func (s *Set) vocabularies(f Folder) error {
	entries, err := fs.ReadDir(f.FS, "vocabularies")
	if err != nil || len(entries) > maxEntries {
		return bad(f.Name+"/vocabularies", "the folder cannot be read: %v, %d entries", err, len(entries))
	}
	for _, e := range entries {
		id, ok := strings.CutSuffix(e.Name(), ".json")
		if !ok {
			continue
		}
		var v Vocabulary
		err := decode(f, "vocabularies/"+e.Name(), &v)
		if err != nil {
			return err
		}
		if _, twice := s.Vocabularies[id]; twice || v.Scheme == "" {
			return bad(f.Name+"/vocabularies/"+e.Name(), "it has no scheme, or there is a vocabulary %s already", id)
		}
		s.Vocabularies[id] = v
	}
	return nil
}

// whole checks that what is named is there.
func (s *Set) whole() error {
	for i := range s.Versions {
		v := &s.Versions[i]
		for _, id := range v.Extends {
			base, ok := s.Version(id)
			if !ok || id == v.ID {
				return bad(v.At+"/version.json", "it extends %q, which is not there", id)
			}
			if len(base.Extends) > 0 {
				return bad(v.At+"/version.json", "it extends %q, which extends others itself: name all of them", id)
			}
		}
		for _, id := range v.Vocabularies {
			if _, ok := s.Vocabularies[id]; !ok {
				return bad(v.At+"/version.json", "there is no vocabulary %q", id)
			}
		}
	}
	for i := range s.Spaces {
		p := &s.Spaces[i]
		for _, id := range p.Profiles {
			if _, ok := s.Version(id); !ok {
				return bad(s.at[p.ID]+"/profile.json", "there is no profile %q", id)
			}
		}
		fields := s.Forms[p.ID].Fields
		for i := range fields {
			field := &fields[i]
			known, ok := s.Vocabularies[field.From]
			if field.From != "" && !ok {
				return bad(s.at[p.ID]+"/request.json", "there is no vocabulary %q", field.From)
			}
			field.Options = nil
			for _, code := range slices.Sorted(maps.Keys(known.Concepts)) {
				field.Options = append(field.Options, Option{code, known.Concepts[code]})
			}
			if !isField(field.Name) {
				return bad(s.at[p.ID]+"/request.json", "%q is nothing that a request says", field.Name)
			}
		}
	}
	return nil
}

// read reads a file within its limit.
func read(f Folder, at string) ([]byte, error) {
	if !fs.ValidPath(at) {
		return nil, bad(f.Name+"/"+at, "a file lies in the folder of what names it")
	}
	r, err := f.FS.Open(at)
	if err != nil {
		return nil, fault(f.Name+"/"+at, "it cannot be read", err)
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fault(f.Name+"/"+at, "it cannot be read", err)
	}
	if len(b) > maxFile {
		return nil, bad(f.Name+"/"+at, "it is larger than %d MiB", maxFile>>20)
	}
	return b, nil
}

func fault(file, what string, err error) error {
	e := bad(file, "%s: %v", what, err)
	e.Err = err
	return e
}

// decode reads a JSON file, whose members are all known.
func decode(f Folder, at string, v any) error {
	b, err := read(f, at)
	if err != nil {
		return err
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.DisallowUnknownFields()
	err = d.Decode(v)
	if err == nil && d.More() {
		err = errors.New("there is more behind its end")
	}
	if err != nil {
		return bad(f.Name+"/"+at, "line %d: %s", lineOf(b, err), strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// lineOf is where a fault of a JSON file stands.
func lineOf(b []byte, err error) int {
	at := len(b)
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		at = int(e.Offset)
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		at = int(e.Offset)
	}
	if _, member, ok := strings.Cut(err.Error(), "unknown field "); ok {
		if i := strings.Index(string(b), member); i >= 0 {
			at = i
		}
	}
	return 1 + strings.Count(string(b[:min(at, len(b))]), "\n")
}
