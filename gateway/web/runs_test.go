package web

import (
	"reflect"
	"testing"

	"guichet/schemas"
)

// TestOrigins: splits and tables of one version under one agreement are one origin; another agreement is another.
func TestOrigins(t *testing.T) {
	t.Parallel()
	got := origins([]schemas.RunInput{
		{Dataset: "ds-1", Agreement: "agr-1", Version: "a", Table: "plots", Split: "train"},
		{Dataset: "ds-2", Agreement: "agr-2", Version: "a", Table: "load"},
		{Dataset: "ds-1", Agreement: "agr-1", Version: "a", Table: "plots", Split: "test"},
		{Dataset: "ds-1", Agreement: "agr-1", Version: "a", Table: "weather"},
		{Dataset: "ds-1", Agreement: "agr-3", Version: "a", Table: "plots"},
	})
	want := []origin{
		{"ds-1", "", "agr-1", "a", []string{"plots", "weather"}}, {"ds-2", "", "agr-2", "a", []string{"load"}}, {"ds-1", "", "agr-3", "a", []string{"plots"}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}
