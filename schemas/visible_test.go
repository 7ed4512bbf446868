package schemas

import "testing"

func TestVisible(t *testing.T) {
	for s, want := range map[string]string{
		"Blé d’hiver": "Blé d’hiver", "a\nb\tc": `a\nb\tc`, "a\x1b[31mb": `a\u{1B}[31mb`, "a\u202eb": `a\u{202E}b`, "a\u200bb": `a\u{200B}b`, "\u2028": `\u{2028}`, "a\x9bb": `a\u{FFFD}b`, "\ufeffx": `\u{FEFF}x`, "": "",
	} {
		if got := Visible(s); got != want || Visible(got) != got {
			t.Errorf("%q is shown as %q, want %q", s, got, want)
		}
	}
	for s, want := range map[string]bool{"Météo-France": true, "a\nb": false, "a\u2066b": false, "a\x00": false, "क्\u200dष": true, "a\u0085": false} {
		if IsLine(s) != want {
			t.Errorf("%q", s)
		}
	}
	if !IsProse("a\nb\tc") || IsProse("a\x1bb") {
		t.Error("prose")
	}
}
