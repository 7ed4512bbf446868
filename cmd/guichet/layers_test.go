package main

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// root is the repository's root, seen from this package.
const root = "../.."

// layers is the one direction of imports: each layer may import those behind it.
func layers() map[string][]string {
	return map[string][]string{
		"schemas":    {},
		"connectors": {"schemas"},
		"catalog":    {"connectors", "schemas"},
		"policy":     {"connectors", "schemas"},
		"gateway":    {"policy", "catalog", "connectors", "schemas"},
		"cmd":        {"gateway", "policy", "catalog", "connectors", "schemas"},
	}
}

// siblings are the edges allowed inside a layer: a package may import those named
// and what lies below it.
func siblings() map[string][]string {
	return map[string][]string{
		"connectors/client":      {"connectors/ipc", "connectors/trust"},
		"connectors/column":      {"connectors/ipc"},
		"connectors/fetch":       {"connectors/trust"},
		"connectors/folder":      {"connectors/fetch"},
		"connectors/description": {"connectors/ckan", "connectors/croissant", "connectors/dcatap", "connectors/mapping", "connectors/rdf", "connectors/yaml"},
		"connectors/direct":      {"connectors/client", "connectors/ipc"},
		"connectors/mount":       {"connectors/client"},
		"connectors/batch":       {"connectors/column", "connectors/ipc"},
		"connectors/batch/tally": {"connectors/batch", "connectors/ipc"},
		"connectors/standin":     {"connectors/ipc"},
		"connectors/shard":       {"connectors/shard/csv", "connectors/shard/jsonl", "connectors/shard/parquet", "connectors/shard/webdataset", "connectors/batch", "connectors/column", "connectors/ipc"},
		"connectors/notify":      {"connectors/trust"},
		"connectors/s3":          {"connectors/trust"},
		"connectors/staged":      {"connectors/client", "connectors/ipc"},
		"connectors/sandbox":     {"connectors/shard", "connectors/shard/csv", "connectors/shard/jsonl", "connectors/shard/webdataset"},
		"connectors/ckan":        {"connectors/dcatap", "connectors/geo", "connectors/rdf"},
		"connectors/mapping":     {"connectors/dcatap", "connectors/geo", "connectors/rdf", "connectors/rdf/about"},
		"connectors/croissant":   {"connectors/dcatap", "connectors/geo", "connectors/odrl", "connectors/rdf", "connectors/rdf/about"},
		"connectors/dcatap":      {"connectors/dcatap/feed", "connectors/dcatap/licence", "connectors/geo", "connectors/rdf", "connectors/rdf/about", "connectors/odrl"},
		"connectors/dsp":         {"connectors/dcatap", "connectors/rdf"},
		"connectors/rdf/about":   {"connectors/rdf"},

		"connectors/dcatap/pages":      {"connectors/dcatap", "connectors/rdf"},
		"connectors/dcatap/check":      {"connectors/dcatap", "connectors/rdf", "connectors/rdf/about"},
		"connectors/odrl":              {"connectors/rdf"},
		"catalog/harvest":              {"catalog"},
		"catalog/duplicates":           {"catalog"},
		"catalog/index":                {"catalog/index/document", "catalog/index/labels", "catalog/index/segment", "catalog/index/spread", "catalog/index/words"},
		"catalog/index/document":       {"catalog/index/segment", "catalog/index/words"},
		"catalog/index/labels":         {"catalog/index/words"},
		"catalog/publish":              {"catalog", "catalog/publish/disk", "catalog/publish/distribution", "catalog/publish/listing", "catalog/publish/object"},
		"policy/party":                 {"policy", "policy/call"},
		"policy/call":                  {"policy"},
		"policy/join":                  {"policy", "policy/party"},
		"policy/trial":                 {"policy", "policy/turn"},
		"policy/view":                  {"policy/view/transform"},
		"gateway":                      {"gateway/api", "gateway/api/body", "gateway/api/call", "gateway/api/contacts", "gateway/api/demand", "gateway/api/distributions", "gateway/api/join", "gateway/api/names", "gateway/api/objects", "gateway/api/rights", "gateway/api/saved", "gateway/api/standin", "gateway/api/throughput", "gateway/auth", "gateway/door", "gateway/export", "gateway/flight", "gateway/problem", "gateway/reports", "gateway/s3face", "gateway/stream", "gateway/stream/plan", "gateway/web", "gateway/web/page", "gateway/web/signin"},
		"gateway/web":                  {"gateway/web/chart", "gateway/web/courses", "gateway/web/flow", "gateway/web/join", "gateway/web/lines", "gateway/web/operate", "gateway/web/page", "gateway/web/provide", "gateway/web/publish", "gateway/web/record", "gateway/web/report", "gateway/web/rows", "gateway/web/saved", "gateway/web/words"},
		"gateway/web/record":           {"gateway/web/page"},
		"gateway/web/report":           {"gateway/web/page"},
		"gateway/web/provide":          {"gateway/web/blocks", "gateway/web/chart", "gateway/web/flow", "gateway/web/owner", "gateway/web/page", "gateway/web/publish"},
		"gateway/web/publish":          {"gateway/web/owner", "gateway/web/page"},
		"gateway/web/owner":            {"gateway/web/page"},
		"gateway/web/saved":            {"gateway/web/page"},
		"gateway/web/pagetest":         {"*"},
		"gateway/web/courses":          {"gateway/web/lines", "gateway/web/page"},
		"gateway/web/join":             {"gateway/web/page"},
		"gateway/web/operate":          {"gateway/web/chart", "gateway/web/flow", "gateway/web/page"},
		"gateway/web/flow":             {"gateway/web/chart", "gateway/web/page"},
		"gateway/web/page":             {"gateway/problem", "gateway/web/signin", "gateway/web/words"},
		"gateway/web/signin":           {"gateway/auth", "gateway/problem"},
		"gateway/api":                  {"gateway/api/body", "gateway/api/hit", "gateway/api/rights", "gateway/api/search", "gateway/problem"},
		"gateway/api/body":             {"gateway/problem"},
		"gateway/api/join":             {"gateway/api"},
		"gateway/api/objects":          {"gateway/api"},
		"gateway/api/call":             {"gateway/api"},
		"gateway/api/standin":          {"gateway/api"},
		"gateway/api/saved":            {"gateway/api"},
		"gateway/api/throughput":       {"gateway/api"},
		"gateway/api/contacts":         {"gateway/api"},
		"gateway/api/names":            {"gateway/api"},
		"gateway/door":                 {"gateway/problem", "gateway/stream", "gateway/stream/byurl", "gateway/stream/file", "gateway/stream/plan", "gateway/stream/read", "gateway/stream/release"},
		"gateway/flight":               {"gateway/problem", "gateway/stream", "gateway/stream/plan", "gateway/stream/read", "gateway/stream/release"},
		"gateway/s3face":               {"gateway/door", "gateway/problem", "gateway/stream", "gateway/stream/file", "gateway/stream/plan"},
		"connectors/db":                {"connectors/db/indexes", "connectors/db/numbered", "connectors/db/sums"},
		"connectors/db/dbtest":         {"connectors/db"},
		"connectors/db/newest":         {"connectors/db"},
		"connectors/db/sums":           {"connectors/db/numbered"},
		"connectors/db/kept":           {"connectors/db"},
		"gateway/doortest":             {"*"},
		"cmd/guichet/files":            {"cmd/guichet/terminal"},
		"cmd/guichet/record":           {"cmd/guichet/files", "cmd/guichet/terminal"},
		"cmd/guichet/session":          {"cmd/guichet/files", "cmd/guichet/record", "cmd/guichet/terminal"},
		"cmd/guichet/login":            {"cmd/guichet/session", "cmd/guichet/terminal"},
		"cmd/guichet/harvests":         {"cmd/guichet/args", "cmd/guichet/session", "cmd/guichet/terminal"},
		"cmd/guichet/reports":          {"cmd/guichet/args", "cmd/guichet/files", "cmd/guichet/session", "cmd/guichet/terminal"},
		"cmd/guichet/joining":          {"cmd/guichet/session", "cmd/guichet/terminal"},
		"cmd/guichet/calls":            {"cmd/guichet/args", "cmd/guichet/session", "cmd/guichet/terminal"},
		"cmd/guichet/flows":            {"cmd/guichet/args", "cmd/guichet/session", "cmd/guichet/terminal"},
		"cmd/guichet/duplicates":       {"cmd/guichet/session", "cmd/guichet/terminal"},
		"cmd/guichet/search":           {"cmd/guichet/session", "cmd/guichet/terminal"},
		"cmd/guichet/serve":            {"cmd/guichet/files", "cmd/guichet/terminal"},
		"cmd/guichet/demo":             {"cmd/guichet/files", "cmd/guichet/record", "cmd/guichet/serve", "cmd/guichet/session", "cmd/guichet/terminal"},
		"connectors/shacl":             {"connectors/rdf"},
		"schemas/spaces":               {"schemas"},
		"catalog":                      {"catalog/profile", "catalog/quality"},
		"catalog/profile":              {"catalog/quality"},
		"cmd/guichet/webfile":          {"cmd/guichet/terminal"},
		"catalog/publish/distribution": {"catalog"},
		"gateway/web/chart":            {"gateway/web/words"},
		"gateway/api/distributions":    {"gateway/api"},
		"cmd/guichet/values":           {"cmd/guichet/session", "cmd/guichet/terminal"},
		"schemas/values":               {"schemas"},
		"gateway/api/demand":           {"gateway/api"},

		"policy/report":                  {"policy", "policy/agreement/usage", "policy/audit", "policy/turn"},
		"policy/report/dossier":          {"policy", "policy/audit", "policy/report"},
		"policy/agreement":               {"policy", "policy/party", "policy/agreement/budget"},
		"policy/agreement/budget":        {"policy", "policy/call"},
		"policy/agreement/terms":         {"policy", "policy/view"},
		"policy/agreement/stop":          {"policy", "policy/agreement"},
		"policy/agreement/mark":          {"policy"},
		"policy/agreement/request":       {"policy/agreement/usage", "policy", "policy/call", "policy/agreement/mark", "policy/notice", "policy/party", "policy/agreement", "policy/agreement/budget", "policy/agreement/terms"},
		"policy/agreement/lease":         {"policy", "policy/party", "policy/agreement", "policy/agreement/stop", "policy/agreement/terms", "policy/view"},
		"policy/agreement/release":       {"policy/agreement/usage", "policy", "policy/agreement", "policy/agreement/budget", "policy/agreement/stop"},
		"policy/agreement/run":           {"policy/party", "policy/agreement"},
		"policy/agreement/refusal":       {"policy/agreement"},
		"policy/agreement/throughput":    {"policy/agreement", "policy/agreement/run"},
		"policy/agreement/agreementtest": {"policy", "policy/party", "policy/agreement"},

		"gateway/stream":          {"gateway/stream/byurl", "gateway/stream/file", "gateway/stream/memory", "gateway/stream/plan", "gateway/stream/read", "gateway/stream/release", "gateway/stream/rowindex"},
		"gateway/stream/byurl":    {"gateway/stream/file", "gateway/stream/plan", "gateway/stream/read", "gateway/stream/release"},
		"gateway/stream/read":     {"gateway/stream/memory", "gateway/stream/plan"},
		"gateway/stream/rowindex": {"gateway/stream/plan", "gateway/stream/read", "gateway/stream/release"},
		"gateway/stream/file":     {"gateway/stream/memory", "gateway/stream/plan", "gateway/stream/read", "gateway/stream/release"},

		"connectors/dcatap/feed":       {"connectors/rdf"},
		"connectors/dcatap/licence":    {"connectors/rdf"},
		"connectors/dcatap/dcataptest": {"connectors/rdf", "connectors/sharedtest"},
		"connectors/shard/webdataset":  {"connectors/batch", "connectors/column", "connectors/ipc", "connectors/media"},
		"connectors/shard/jsonl":       {"connectors/batch", "connectors/column", "connectors/ipc"},
		"connectors/shard/csv":         {"connectors/batch", "connectors/column", "connectors/ipc"},
		"connectors/shard/shardtest":   {"connectors/shard", "connectors/batch", "connectors/column/columntest", "connectors/sharedtest"},
		"connectors/shard/parquet":     {"connectors/batch", "connectors/column", "connectors/ipc"},
	}
}

// walled says where a foreign module may be imported, by the beginning of its path.
func walled() map[string][]string {
	return map[string][]string{
		"github.com/apache/arrow/": {
			"connectors/ipc", "connectors/column", "connectors/batch", "connectors/shard", "connectors/client", "connectors/standin",
			"policy/view", "policy/agreement/agreementtest", "gateway/stream", "gateway/flight", "gateway/web/rows", "gateway/doortest",
		},
		"github.com/apache/arrow-go/":         {"connectors/shard/parquet"},
		"github.com/minio/":                   {"connectors/s3", "gateway/doortest"},
		"github.com/blevesearch/":             {"catalog/index"},
		"github.com/RoaringBitmap/":           {"catalog/index/segment"},
		"github.com/open-policy-agent/":       {"policy"},
		"github.com/gin-gonic/":               {"gateway"},
		"github.com/danielgtaylor/":           {"gateway"},
		"modernc.org/sqlite":                  {"connectors/db"},
		"github.com/jackc/pgx/":               {"connectors/db"},
		"github.com/versity/":                 {},
		"github.com/zitadel/":                 {},
		"github.com/alecthomas/kong":          {"cmd"},
		"github.com/piprate/json-gold":        {"connectors/rdf", "connectors/odrl", "connectors/dcatap"},
		"github.com/tggo/goRDFlib/":           {"connectors/rdf", "connectors/shacl"},
		"github.com/prometheus/client_golang": {"gateway"},
		"github.com/wneessen/":                {"connectors/notify"},
	}
}

// source is one Go file of this module.
type source struct {
	dir   string // package folder, from the root
	file  string
	ast   *ast.File
	lines int
	test  bool
}

func sources(t *testing.T) []source {
	t.Helper()
	var out []source
	fset := token.NewFileSet()
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && p != root && (strings.HasPrefix(name, ".") || name == "deploy" || name == "testdata" || name == "bin") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		b, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		f, err := parser.ParseFile(fset, p, b, parser.ParseComments)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(root, filepath.Dir(p))
		out = append(out, source{filepath.ToSlash(dir), p, f, strings.Count(string(b), "\n"), strings.HasSuffix(name, "_test.go")})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 50 {
		t.Fatalf("only %d files found", len(out))
	}
	return out
}

func imports(f *ast.File) []string {
	var out []string
	for _, i := range f.Imports {
		s, err := strconv.Unquote(i.Path.Value)
		if err == nil {
			out = append(out, s)
		}
	}
	return out
}

func layerOf(dir string) string { first, _, _ := strings.Cut(dir, "/"); return first }

func TestImportsGoOneWay(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		allowed, known := layers()[layerOf(s.dir)]
		if !known {
			t.Errorf("%s lies in no layer", s.file)
		}
		for _, imp := range imports(s.ast) {
			ours, is := strings.CutPrefix(imp, "guichet/")
			switch {
			case !is:
				checkWall(t, s, imp)
			case layerOf(ours) == layerOf(s.dir):
				named := siblings()[s.dir]
				if s.dir != "cmd/guichet" && !slices.Contains(named, ours) && !slices.Contains(named, "*") {
					t.Errorf("%s imports its sibling %s", s.file, ours)
				}
			case !slices.Contains(allowed, layerOf(ours)):
				t.Errorf("%s imports %s: against the direction of the layers", s.file, ours)
			}
		}
	}
}

// Decoders of foreign files run in the child process alone: nobody but the package that
// starts it imports them, so that no other can call one by mistake. streamtest, which only
// tests import, publishes its own tables by them.
func TestImportsOfDecoders(t *testing.T) {
	const decoders = "connectors/shard"
	within := func(dir, of string) bool { return dir == of || strings.HasPrefix(dir, of+"/") }
	users := map[string]bool{}
	for _, s := range sources(t) {
		for _, imp := range imports(s.ast) {
			ours, is := strings.CutPrefix(imp, "guichet/")
			if !is || s.test || within(s.dir, decoders) || !within(ours, decoders) {
				continue
			}
			users[s.dir] = true
			if s.dir != "connectors/sandbox" && s.dir != "gateway/stream/streamtest" {
				t.Errorf("%s imports %s: foreign files are decoded in the child of connectors/sandbox only", s.file, ours)
			}
		}
	}
	if !users["connectors/sandbox"] {
		t.Error("connectors/sandbox imports no decoder: this test looks at the wrong folder")
	}
}

func checkWall(t *testing.T, s source, imp string) {
	for prefix, homes := range walled() {
		if !strings.HasPrefix(imp, prefix) {
			continue
		}
		if !slices.ContainsFunc(homes, func(h string) bool { return s.dir == h || strings.HasPrefix(s.dir, h+"/") }) {
			t.Errorf("%s imports %s, which is walled in: %v", s.file, imp, homes)
		}
	}
}

func TestPackagesAreNamedAndDocumented(t *testing.T) {
	docs := map[string]bool{}
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		docs[s.dir] = docs[s.dir] || s.ast.Doc != nil && len(s.ast.Doc.Text()) > 80
		if slices.Contains([]string{"util", "utils", "common", "helper", "helpers", "misc", "base", "types", "models"}, s.ast.Name.Name) {
			t.Errorf("%s: a package named %s says nothing", s.file, s.ast.Name.Name)
		}
	}
	for dir, has := range docs {
		if !has {
			t.Errorf("package %s has no doc that says what flows in and out", dir)
		}
	}
}

func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.Fields("cmd catalog gateway policy connectors schemas deploy go.mod go.sum README.md LICENSE Makefile docs findings bin")
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") && !slices.Contains(want, e.Name()) {
			t.Errorf("%s at the top level is not one of the agreed entries", e.Name())
		}
	}
}

// Each direct dependency has its line in docs/dependencies.md.
func TestDependenciesAreExplained(t *testing.T) {
	doc, err := os.ReadFile(root + "/docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(root + "/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	n := 0
	for sc := bufio.NewScanner(f); sc.Scan(); {
		line := strings.TrimSpace(sc.Text())
		fields := strings.Fields(strings.TrimPrefix(line, "require "))
		if len(fields) < 2 || strings.Contains(line, "// indirect") || !strings.HasPrefix(fields[1], "v") || !strings.Contains(fields[0], ".") {
			continue
		}
		n++
		if !strings.Contains(string(doc), fields[0]) {
			t.Errorf("docs/dependencies.md does not say what %s is for", fields[0])
		}
	}
	if n < 20 {
		t.Errorf("only %d direct dependencies found in go.mod", n)
	}
}

// tests names every test of the tree.
func tests(t *testing.T) map[string]bool {
	there := map[string]bool{}
	for _, s := range sources(t) {
		for _, d := range s.ast.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && s.test {
				there[f.Name.Name] = true
			}
		}
	}
	return there
}

// Each test that docs/security.md names is there.
func TestThreatsHaveTests(t *testing.T) {
	doc, err := os.ReadFile(root + "/docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	there, n := tests(t), 0
	for _, name := range regexp.MustCompile(`\bTest[A-Z]\w+`).FindAllString(string(doc), -1) {
		n++
		if !there[name] {
			t.Errorf("docs/security.md names %s, which is not a test", name)
		}
	}
	if n < 80 {
		t.Errorf("only %d tests are named", n)
	}
}

// Each test that docs/trials.md names is there.
func TestTrialsHaveTests(t *testing.T) {
	doc, err := os.ReadFile(root + "/docs/trials.md")
	if err != nil {
		t.Fatal(err)
	}
	there, n := tests(t), 0
	for line := range strings.Lines(string(doc)) {
		cells := strings.Split(line, "|")
		if len(cells) < 5 || strings.HasPrefix(cells[1], " #") {
			continue
		}
		for i, name := range strings.Split(cells[3], "`") {
			if i%2 == 0 {
				continue
			}
			n++
			if !there[name] {
				t.Errorf("row %s names %s, which is not a test", strings.TrimSpace(cells[1]), name)
			}
		}
	}
	if n < 40 {
		t.Errorf("only %d tests are named", n)
	}
}
