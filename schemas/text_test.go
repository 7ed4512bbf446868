package schemas

import "testing"

func TestTitlesForReaders(t *testing.T) {
	for _, c := range []struct {
		text Text
		want string
	}{
		{Text{"de": "a", "en": "b"}, "en"}, {Text{"de": "a", "en-GB": "b", "en-t-de-t0-mtec": "c"}, "en-GB"}, {Text{"de": "a", "en-t-de-t0-mtec": "c"}, "en-t-de-t0-mtec"},
		{Text{"de": "a", "en": " ", "fr": "b"}, "de"}, {Text{"mt-t-de-t0-mtec": "a", "nl": "b"}, "mt-t-de-t0-mtec"}, {Text{"": "a", "nl": "b"}, ""}, {Text{"de": "a", "EN": "b"}, "EN"}, {nil, ""},
	} {
		if got := c.text.For("en"); got != c.want {
			t.Errorf("%v: %q, want %q", c.text, got, c.want)
		}
	}
	for tag, want := range map[string]bool{"en-t-de-t0-mtec": true, "en-t-nl": true, "de-x-t": false, "en": false, "": false, "zh-Hant-t-en": true, "mt": false} {
		if Translated(tag) != want {
			t.Errorf("%s", tag)
		}
	}
}
