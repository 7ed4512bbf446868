package values

import (
	"bytes"
	"testing"

	"guichet/cmd/guichet/terminal"
	"guichet/schemas/values"
)

// Counts are lines with bars; texts of others stand in quotes, and what is left out is said.
func TestShow(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	show(&terminal.Terminal{Out: &b}, &values.Distributions{Version: "v1", Asked: []string{"*"},
		LeftOut: []values.LeftOut{{Table: "plots", Column: "farmer", Why: values.LeftSensitive}},
		Columns: []values.Distribution{
			{Table: "plots", Column: "yield", Kind: "number", Rows: 1050, Missing: 10, Bins: []values.Bin{{Until: "1", Count: 30}, {From: "1", Until: "2", Count: 1000}, {From: "2", Count: 10}}},
			{Table: "plots", Column: "crop", Kind: "category", Rows: 40, Values: []values.ValueCount{{Value: "\x1b[31m", Count: 30}}, Others: 10},
		}})
	want := "plots/yield, 1 050 rows\n" +
		"  below 1                             30 ▪\n" +
		"  1 to below 2                     1 000 ▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪\n" +
		"  2 and more                          10 ▪\n" +
		"  no value                            10 ▪\n" +
		"plots/crop, 40 rows\n" +
		"  \"\\x1b[31m\"                          30 ▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪▪\n" +
		"  other values                        10 ▪▪▪▪▪▪▪▪▪▪\n" +
		"plots/farmer is not shown: it is said to be about persons, or confidential\n"
	if b.String() != want {
		t.Errorf("%s\nwant\n%s", b.String(), want)
	}
	b.Reset()
	show(&terminal.Terminal{Out: &b}, &values.Distributions{Version: "v1"})
	if b.String() != "its provider shows no distributions of version v1\n" {
		t.Errorf("%s", b.String())
	}
}
