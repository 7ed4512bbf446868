package policy

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/tester"

	"guichet/schemas/spaces"
)

// The Rego tests beside the modules.
func TestRego(t *testing.T) {
	profiles, err := spaces.Profiles()
	if err != nil {
		t.Fatal(err)
	}
	sources, _, err := Modules(profiles)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("rego/*_test.rego")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		sources[f] = string(b)
	}
	modules := map[string]*ast.Module{}
	for name, src := range sources {
		m, err := ast.ParseModuleWithOpts(name, src, ast.ParserOptions{RegoVersion: ast.RegoV1})
		if err != nil {
			t.Fatal(err)
		}
		modules[name] = m
	}
	results, err := tester.NewRunner().SetModules(modules).SetCompiler(ast.NewCompiler()).RunTests(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for r := range results {
		n++
		if !r.Pass() {
			t.Errorf("%s: %v", r.Name, r)
		}
	}
	if n < 10 {
		t.Errorf("only %d Rego tests ran", n)
	}
}
