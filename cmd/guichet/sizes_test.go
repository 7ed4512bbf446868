package main

import (
	"cmp"
	"go/ast"
	"go/scanner"
	"go/token"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// The budget of style.md 1.1: no file over 800 lines, no function over 120.
func TestSizes(t *testing.T) {
	type sized struct {
		name  string
		lines int
	}
	var files, funcs []sized
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		files = append(files, sized{s.file, s.lines})
		b, err := os.ReadFile(s.file)
		if err != nil {
			t.Fatal(err)
		}
		at := lineCounter(b)
		for _, d := range s.ast.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
				funcs = append(funcs, sized{path.Join(s.dir, f.Name.Name), at(int(f.End()-s.ast.FileStart)) - at(int(f.Pos()-s.ast.FileStart))})
			}
		}
	}
	for _, x := range []struct {
		what  string
		most  int
		sizes []sized
	}{{"file", 800, files}, {"function", 120, funcs}} {
		slices.SortFunc(x.sizes, func(a, b sized) int { return cmp.Compare(b.lines, a.lines) })
		for i, s := range x.sizes[:5] {
			t.Logf("%s %d: %s, %d lines", x.what, i+1, s.name, s.lines)
		}
		if x.sizes[0].lines > x.most {
			t.Errorf("%s %s has %d lines; the most is %d", x.what, x.sizes[0].name, x.sizes[0].lines, x.most)
		}
	}
}

func lineCounter(b []byte) func(offset int) int {
	var starts []int
	for i, c := range b {
		if c == '\n' {
			starts = append(starts, i)
		}
	}
	return func(offset int) int { n, _ := slices.BinarySearch(starts, offset); return n }
}

// The budget of a package, tests not counted.
const (
	mostLines   = 2500
	mostFiles   = 15
	mostCommand = 3500 // lines of cmd/guichet, which has a file per verb
)

// shareOfTests is how many lines of code a package's own tests have to one of its own,
// blank lines and comments not counted on either side. The binary's tests drive every
// package of it, and are counted for all of them together.
const shareOfTests = 0.8

// lessTested are packages whose own tests are fewer, since they are tested by those of the
// packages above them, with the share that they have at least: it only grows.
func lessTested() map[string]float64 {
	return map[string]float64{
		"catalog/index/document": 0.25, "gateway/api/search": 0.45, "gateway/api/standin": 0.3, "gateway/web": 0.6, "gateway/web/courses": 0.29, "gateway/web/join": 0.58, "gateway/web/page": 0.14, "gateway/web/record": 0.5, "gateway/web/provide": 0.37, "gateway/web/publish": 0.33, "gateway/web/owner": 0, "catalog/index/segment": 0.35, "connectors/client": 0, "connectors/dcatap": 0.4, "connectors/odrl": 0.41, "policy/call": 0.74, "gateway/api/call": 0, "gateway/api/names": 0, "gateway/web/operate": 0.23, "gateway/web/saved": 0.42, "gateway/api/demand": 0,
		"connectors/rdf": 0.27, "connectors/rdf/about": 0.25, "connectors/yaml": 0.54, "connectors/trust": 0, "gateway/door": 0.28, "gateway/flight": 0.2,
		"gateway/problem": 0.37, "policy": 0.44, "policy/notice": 0.57, "policy/party": 0.33, "schemas": 0.04,
	}
}

// figures are the sizes of a package, in lines.
type figures struct {
	files, lines, code, comments, tests int
}

// linesOf counts the lines of a file that hold code, and those that hold a comment.
func linesOf(b []byte) (code, comments int) {
	fset := token.NewFileSet()
	f := fset.AddFile("", -1, len(b))
	var s scanner.Scanner
	s.Init(f, b, nil, scanner.ScanComments)
	codes, said := map[int]bool{}, map[int]bool{}
	for {
		pos, tok, text := s.Scan()
		if tok == token.EOF {
			return len(codes), len(said)
		}
		if tok == token.SEMICOLON && text == "\n" {
			continue // the scanner's own
		}
		for line := f.Line(pos); line <= f.Line(pos)+strings.Count(text, "\n"); line++ {
			if tok == token.COMMENT {
				said[line] = true
			} else {
				codes[line] = true
			}
		}
	}
}

func figuresOf(t *testing.T) map[string]*figures {
	t.Helper()
	out := map[string]*figures{}
	for _, s := range sources(t) {
		dir := s.dir
		if out[dir] == nil {
			out[dir] = &figures{}
		}
		b, err := os.ReadFile(s.file)
		if err != nil {
			t.Fatal(err)
		}
		x := out[dir]
		code, comments := linesOf(b)
		if s.test {
			x.tests += code
			continue
		}
		x.files++
		x.lines += s.lines
		x.code += code
		x.comments += comments
	}
	maps.DeleteFunc(out, func(_ string, x *figures) bool { return x.files == 0 })
	return out
}

// Packages are small enough to be read, and each has tests of its own.
func TestPackagesAreSmallAndTested(t *testing.T) {
	all := figuresOf(t)
	binary := figures{}
	for _, dir := range slices.Sorted(maps.Keys(all)) {
		x := all[dir]
		lines := mostLines
		if dir == "cmd/guichet" {
			lines = mostCommand
		}
		if x.lines > lines {
			t.Errorf("%s has %d lines; a package has at most %d", dir, x.lines, lines)
		}
		if x.files > mostFiles {
			t.Errorf("%s has %d files; a package has at most %d beside its tests", dir, x.files, mostFiles)
		}
		if strings.HasPrefix(dir, "cmd/guichet") {
			binary.code += x.code
			binary.tests += x.tests
			continue
		}
		if strings.HasSuffix(dir, "test") {
			continue // it is of tests
		}
		want, less := lessTested()[dir]
		if !less {
			want = shareOfTests
		}
		got := float64(x.tests) / float64(x.code)
		t.Logf("%-32s %2d files, %4d lines, %4.1f %% comments, tests %.2f", dir, x.files, x.lines, 100*float64(x.comments)/float64(x.lines), got)
		switch {
		case got < want:
			t.Errorf("%s has %d lines of code and %d of tests, %.2f to one; it needs %.2f", dir, x.code, x.tests, got, want)
		case less && got >= shareOfTests:
			t.Errorf("%s has %.2f: it is no longer among those with fewer tests", dir, got)
		}
	}
	if got := float64(binary.tests) / float64(binary.code); got < shareOfTests {
		t.Errorf("cmd/guichet and its packages have %d lines of code and %d of tests, %.2f to one", binary.code, binary.tests, got)
	}
	for dir := range lessTested() {
		if all[dir] == nil {
			t.Errorf("%s is among those with fewer tests, and is no package", dir)
		}
	}
}

// mostColumns is how long a line of code may be, in characters.
const mostColumns = 140

// leastComments is the share of lines of all packages that say something to the reader.
const leastComments = 0.12

// Lines fit into a window, and the reader is told why: struct tags cannot be broken.
func TestLinesAreRead(t *testing.T) {
	lines, comments := 0, 0
	for _, x := range figuresOf(t) {
		lines += x.lines
		comments += x.comments
	}
	share := float64(comments) / float64(lines)
	t.Logf("%d of %d lines are comments, %.2f %%", comments, lines, 100*share)
	if share < leastComments {
		t.Errorf("%.2f %% of the lines are comments; at least %.0f %%, which is %d more", 100*share, 100*leastComments, int(leastComments*float64(lines))-comments+1)
	}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		b, err := os.ReadFile(s.file)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range strings.Lines(string(b)) {
			n++
			if len([]rune(strings.TrimSuffix(line, "\n"))) > mostColumns && !strings.Contains(line, "`") {
				t.Errorf("%s:%d is longer than %d characters", s.file, n, mostColumns)
			}
		}
	}
}
