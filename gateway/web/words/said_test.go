package words

import (
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"guichet/schemas"
)

var missing = flag.String("missing", "", "write the sentences that a language has not into this file, as said/LANGUAGE has them")

// source is where the module is.
const source = "../../.."

// spokenIn are the packages whose sentences reach people on pages: with each, those below it.
var spokenIn = []string{"schemas", "policy", "catalog", "gateway", "connectors"}

// unspoken are those below them of which nothing does.
var unspoken = []string{
	"gateway/doortest", "policy/agreement/agreementtest",
	"gateway/flight", "gateway/s3face", "connectors/client", "connectors/mount", "connectors/staged", "connectors/direct", // programs
	"schemas/spaces", "connectors/yaml", "connectors/trust", // who runs the gateway, when it starts
}

// speaking are the names by which a sentence for people goes: fields, parameters and variables.
var speaking = regexp.MustCompile(`^(Message|Text|Remedy|text|remedy|message|why)$`)

// found is a sentence of the source: what differs each time is {1}, {2} ….
type found map[string]string // where it stands

func (f found) add(where, sentence string) {
	bare := regexp.MustCompile(`\{\d\}`).ReplaceAllString(sentence, "")
	if strings.Count(strings.TrimSpace(bare), " ") > 0 && strings.IndexFunc(bare, func(r rune) bool { return r >= 'a' && r <= 'z' }) >= 0 {
		f[sentence] = where
	}
}

// package reads one folder.
type folder struct {
	consts map[string]ast.Expr
	takes  map[string]map[int]bool // which arguments of a function are sentences; true for those of fmt
}

// verbs are the directives of fmt.
var verbs = regexp.MustCompile(`%(?:\[(\d)\])?[-+# 0-9.]*[svdqfxtgT%w]`)

// format writes what fmt would print with places.
func format(s string, next *int) string {
	first := *next
	return verbs.ReplaceAllStringFunc(s, func(v string) string {
		if v == "%%" {
			return "%"
		}
		place := *next
		m := verbs.FindStringSubmatch(v)
		if m[1] != "" {
			n, _ := strconv.Atoi(m[1])
			place = first + n - 1
		}
		*next = max(*next, place) + 1
		if v[len(v)-1] == 'q' {
			return fmt.Sprintf("\"{%d}\"", place)
		}
		return fmt.Sprintf("{%d}", place)
	})
}

// sentence writes an expression as one; next is the number of the next place.
func (p *folder) sentence(e ast.Expr, next *int) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		if err == nil && e.Kind == token.STRING {
			return s
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			return p.sentence(e.X, next) + p.sentence(e.Y, next)
		}
	case *ast.ParenExpr:
		return p.sentence(e.X, next)
	case *ast.Ident:
		if c := p.consts[e.Name]; c != nil {
			return p.sentence(c, next)
		}
	case *ast.CallExpr:
		if fn, ok := e.Fun.(*ast.SelectorExpr); ok && fn.Sel.Name == "Sprintf" && len(e.Args) > 0 {
			var at int
			if lit := p.sentence(e.Args[0], &at); at == 0 {
				return format(lit, next)
			}
		}
	}
	*next++
	return fmt.Sprintf("{%d}", *next-1)
}

func (p *folder) declare(f *ast.File) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			for _, s := range d.Specs {
				v, ok := s.(*ast.ValueSpec)
				for i := 0; ok && d.Tok == token.CONST && i < len(v.Values); i++ {
					p.consts[v.Names[i].Name] = v.Values[i]
				}
			}
		case *ast.FuncDecl:
			p.parameters(d.Name.Name, d.Type)
		}
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if set, ok := n.(*ast.AssignStmt); ok && len(set.Lhs) == 1 && len(set.Rhs) == 1 {
			name, named := set.Lhs[0].(*ast.Ident)
			if fn, ok := set.Rhs[0].(*ast.FuncLit); ok && named {
				p.parameters(name.Name, fn.Type)
			}
		}
		return true
	})
}

func (p *folder) parameters(of string, fn *ast.FuncType) {
	at := 0
	for _, param := range fn.Params.List {
		for _, name := range param.Names {
			if name.Name == "format" || speaking.MatchString(name.Name) {
				if p.takes[of] == nil {
					p.takes[of] = map[int]bool{}
				}
				p.takes[of][at] = name.Name == "format"
			}
			at++
		}
	}
}

// read finds the sentences of a file.
func (p *folder) read(where string, f *ast.File, out found) {
	say := func(e ast.Expr, isFormat bool) {
		next := 1
		if call, ok := e.(*ast.CallExpr); ok { // one of several
			if fn, ok := call.Fun.(*ast.SelectorExpr); ok && fn.Sel.Name == "Or" {
				for _, a := range call.Args {
					next = 1
					out.add(where, p.sentence(a, &next))
				}
				return
			}
		}
		s := p.sentence(e, &next)
		if isFormat && next == 1 {
			s = format(s, &next)
		}
		out.add(where, s)
	}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if key, ok := n.Key.(*ast.Ident); ok && speaking.MatchString(key.Name) {
				say(n.Value, false)
			}
		case *ast.AssignStmt:
			for i := range n.Lhs {
				name := ""
				switch l := n.Lhs[i].(type) {
				case *ast.Ident:
					name = l.Name
				case *ast.SelectorExpr:
					name = l.Sel.Name
				}
				if speaking.MatchString(name) && len(n.Rhs) == len(n.Lhs) {
					say(n.Rhs[i], false)
				}
			}
		case *ast.CallExpr:
			name := ""
			switch fn := n.Fun.(type) {
			case *ast.Ident:
				name = fn.Name
			case *ast.SelectorExpr:
				name = fn.Sel.Name
			}
			if fn, ok := n.Fun.(*ast.SelectorExpr); ok && len(n.Args) > 2 && fmt.Sprint(fn.X) == "schemas" && (name == "Errorf" || name == "BadField") {
				say(n.Args[2], true)
				return true
			}
			for i, isFormat := range p.takes[name] {
				if i < len(n.Args) {
					say(n.Args[i], isFormat)
				}
			}
		}
		return true
	})
}

// said are "text" and "remedy" of a rule in Rego.
var said = regexp.MustCompile(`"(?:text|remedy)": (sprintf\()?("(?:[^"\\]|\\.)*")`)

// sentencesOf finds all sentences of the source.
func sentencesOf(t *testing.T) found {
	t.Helper()
	out := found{}
	files := token.NewFileSet()
	for _, top := range spokenIn {
		err := filepath.WalkDir(filepath.Join(source, top), func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			where, _ := filepath.Rel(source, path)
			if d.IsDir() && slices.Contains(unspoken, where) {
				return filepath.SkipDir
			}
			if strings.HasSuffix(path, ".rego") && !strings.HasSuffix(path, "_test.rego") {
				return regoSentences(where, path, out)
			}
			if !d.IsDir() {
				return nil
			}
			p := folder{map[string]ast.Expr{}, map[string]map[int]bool{}}
			names, err := filepath.Glob(filepath.Join(path, "*.go"))
			var parsed []*ast.File
			for _, name := range names {
				if strings.HasSuffix(name, "_test.go") {
					continue
				}
				f, err := parser.ParseFile(files, name, nil, 0)
				if err != nil {
					return err
				}
				parsed = append(parsed, f)
				p.declare(f)
			}
			for _, f := range parsed {
				p.read(where, f, out)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func regoSentences(where, path string, out found) error {
	b, err := os.ReadFile(path)
	for _, m := range said.FindAllSubmatch(b, -1) {
		s, err := strconv.Unquote(string(m[2]))
		if err != nil {
			return err
		}
		next := 1
		if len(m[1]) > 0 {
			s = format(s, &next)
		}
		out.add(where, s)
	}
	return err
}

// has says whether a sentence is said as it is, not by what others have in common with it.
func has(all *sentences, english string) bool {
	if _, is := all.whole[english]; is {
		return true
	}
	s := parse(english, "")
	return slices.ContainsFunc(all.parts, func(p sentence) bool { return slices.Equal(p.between, s.between) })
}

// Every language but English says every sentence of the source.
func TestEverySentenceIsSaid(t *testing.T) {
	all := sentencesOf(t)
	if len(all) < 300 {
		t.Fatalf("only %d sentences are found in the source", len(all))
	}
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	lacks := map[string]map[string]string{}
	for _, r := range c.Readers()[1:] {
		for _, english := range slices.Sorted(maps.Keys(all)) {
			if !has(r.said, english) {
				top := all[english]
				if lacks[top] == nil {
					lacks[top] = map[string]string{}
				}
				lacks[top][english] = ""
				if *missing == "" {
					t.Errorf("%s: nobody says in %q: %s", top, r.Tag, english)
				}
			}
		}
	}
	if *missing != "" {
		b, err := json.MarshalIndent(lacks, "", " ")
		if err == nil {
			err = os.WriteFile(*missing, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Sentences are known by the words of their own; what stands in their places is said too, but for what
// stands in quotes, which is somebody's own word.
func TestSaid(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		"said/fr/a.json": {Data: []byte(`{"no rule": "aucune règle", "hide": "cacher", "show": "montrer",
 "{1} is excluded": "{1} est exclu", "{1} is excluded for {2}": "pour {2}, {1} est exclu", "the terms demand {1}": "les conditions exigent de {1}",
 "column \"{1}\" is {2}": "la colonne « {1} » : {2}", "{1}; {2}": "{1} ; {2}", "give {name, value}": "donnez {name, value}",
 "{1} and {1} twice": "deux fois {1}", "left{1}": "reste{1}"}`)},
		"said/fr/b.json": {Data: []byte(`{"by rule": "par la règle", "must be {1}; not {2}": "{2|kind} n’est pas {1|kind}"}`)},
	}
	all, err := spoken(files, "fr", map[string]schemas.Text{"m": {"en": "marketing", "fr": "publicité"}},
		coding{func(of, code string) string { return of + "=" + code }, func(s []string) string { return strings.Join(s, " ou ") }})
	if err != nil {
		t.Fatal(err)
	}
	r := &Reader{Tag: "fr", said: all}
	for english, want := range map[string]string{
		"no rule":                                "aucune règle",
		"by rule":                                "par la règle",
		"must be sme, hide; not show":            "kind=show n’est pas kind=sme ou kind=hide",
		"marketing":                              "publicité",
		"marketing is excluded":                  "publicité est exclu",
		"marketing is excluded for health":       "pour health, publicité est exclu", // the longest first
		"the terms demand hide, show, x":         "les conditions exigent de cacher, montrer, x",
		`column "hide" is marketing`:             "la colonne « hide » : publicité",
		"no rule; marketing is excluded":         "aucune règle ; publicité est exclu",
		"give {name, value}":                     "donnez {name, value}",
		"x and x twice":                          "deux fois x",
		"left":                                   "reste",
		"{2} is excluded for {1}":                "pour {1}, {2} est exclu", // what comes in is no place
		"the terms demand <b>":                   "les conditions exigent de <b>",
		"no rule; no rule; no rule; no rule":     "aucune règle ; aucune règle ; aucune règle ; aucune règle",
		strings.Repeat("hide; ", 7) + "hide":     strings.Repeat("cacher ; ", 5) + "hide; hide; hide", // so deep and no deeper
		"marketing is excluded, hide; by nobody": "publicité est exclu, cacher ; by nobody",
	} {
		if said, lang := r.Said(english); said != want || lang != "" {
			t.Errorf("%q is said as %q (%s), want %q", english, said, lang, want)
		}
	}
	for _, unknown := range []string{"", "nothing of it", "x and y twice", "is excluded for", "No rule"} {
		if said, lang := r.Said(unknown); said != unknown || lang != "en" {
			t.Errorf("%q is said as %q (%s)", unknown, said, lang)
		}
	}
	if said, lang := (&Reader{Tag: "en"}).Said("no rule"); said != "no rule" || lang != "" {
		t.Errorf("in English: %q (%s)", said, lang)
	}
	_, err = spoken(fstest.MapFS{"said/fr/a.json": {Data: []byte("{")}}, "fr", nil, coding{})
	if err == nil {
		t.Error("a file that is no JSON is read")
	}
}

// A translation has the places of its sentence and no others, and is of words of the source or of their parts.
func TestSaidHasItsPlaces(t *testing.T) {
	files, err := fs.Glob(text, "said/*/*.json")
	if err != nil || len(files) < 2 {
		t.Fatal(files, err)
	}
	seen := map[string]string{}
	for _, f := range files {
		b, err := text.ReadFile(f)
		var part map[string]string
		if err == nil {
			err = json.Unmarshal(b, &part)
		}
		if err != nil {
			t.Fatal(err)
		}
		for english, said := range part {
			if with := seen[filepath.Dir(f)+english]; with != "" && with != said {
				t.Errorf("%q is said twice in %s, as %q and %q", english, filepath.Dir(f), said, with)
			}
			seen[filepath.Dir(f)+english] = said
			want, got := place.FindAllString(english, -1), place.FindAllString(coded.ReplaceAllString(said, "{$1}"), -1)
			slices.Sort(want)
			slices.Sort(got)
			if !slices.Equal(slices.Compact(want), slices.Compact(got)) {
				t.Errorf("%s: %q has not the places of %q", f, said, english)
			}
		}
	}
}

// However a text is made, it is said in little time.
func FuzzSaid(f *testing.F) {
	c, err := Load()
	if err != nil {
		f.Fatal(err)
	}
	r := c.For("fr", "")
	f.Add("purpose must be one of a, b; yours is c")
	f.Add(strings.Repeat("there is no a: b; c, d (e) ", 40))
	f.Fuzz(func(t *testing.T, english string) {
		said, lang := r.Said(english)
		if lang != "" && said != english {
			t.Errorf("%q became %q though nobody knows it", english, said)
		}
	})
}
