package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"guichet/schemas"
)

// Words of others forge no line, no column and no word of ours on a terminal, in what is
// listed, shown and refused; as JSON they come back as they were.
func TestOthersWordsOnATerminal(t *testing.T) {
	const title = "Wheat\n● now  ds-forged  free\x1b[2J\u202eevil\u200b"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		hit := map[string]any{"id": "ds-1", "title": map[string]string{"en": title}, "space": "energy", "access": "no", "licence": "CC0\t1.0"}
		switch {
		case strings.HasSuffix(r.URL.Path, "/datasets/ds-2"):
			w.WriteHeader(http.StatusConflict)
			_ = json.NewEncoder(w).Encode(map[string]any{"type": "urn:guichet:problem:conflict", "detail": "no: " + title, "remedy": title})
		case strings.HasSuffix(r.URL.Path, "/datasets/ds-1"):
			_ = json.NewEncoder(w).Encode(map[string]any{"id": "ds-1", "title": hit["title"], "description": map[string]string{"en": title}, "publisher": title})
		case strings.HasSuffix(r.URL.Path, "/datasets"):
			_ = json.NewEncoder(w).Encode(map[string]any{"total": 1, "items": []any{hit}})
		default:
			_ = json.NewEncoder(w).Encode(map[string]any{"items": []any{}})
		}
	}))
	defer server.Close()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	say := func(args ...string) (string, string) {
		var out, err bytes.Buffer
		execute(t.Context(), append([]string{"--server", server.URL}, args...), strings.NewReader(""), &out, &err)
		return out.String(), err.String()
	}
	for _, args := range [][]string{{"search"}, {"show", "ds-1"}, {"show", "ds-2"}, {"--json", "search"}, {"--json", "show", "ds-1"}, {"--json", "show", "ds-2"}} {
		out, err := say(args...)
		if strings.ContainsAny(out+err, "\x1b\u202e\u200b") || strings.Contains(out+err, "\n● now  ds-forged") || !strings.Contains(out+err, "Wheat") {
			t.Errorf("%v: %q %q", args, out, err)
		}
	}
	out, _ := say("--json", "search")
	var page schemas.Found
	if err := json.NewDecoder(io.Reader(strings.NewReader(out))).Decode(&page); err != nil || page.Items[0].Title["en"] != title {
		t.Errorf("as JSON %q: %v", out, err)
	}
}

// At no verb do words of others move the cursor or begin a line or a column of their own:
// messages of requests, reasons of reviews, names of participants and projects, runs.
func TestOthersWordsAtEveryVerb(t *testing.T) {
	const forged = "Wheat\n● granted\tforged\x1b[2J\u202eevil"
	request := map[string]any{"id": "req-1", "by": "p-1", "action": "use", "purpose": forged, "state": "pending", "message": forged, "contact": forged, "answers": map[string]any{forged: forged},
		"items": []any{map[string]any{"dataset": "ds-1", "state": "refused", "review": map[string]any{"decision": "refuse", "by": forged, "reason": forged}}}}
	item := map[string]any{"id": "x-1", "index": 1, "name": forged, "title": forged, "reason": forged, "country": "FR", "external": forged, "kind": "research", "project": forged}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case strings.HasSuffix(r.URL.Path, "/requests/req-1"):
			_ = json.NewEncoder(w).Encode(request)
		case strings.HasSuffix(r.URL.Path, "/requests"):
			_ = json.NewEncoder(w).Encode(map[string]any{"items": []any{request}})
		default:
			_ = json.NewEncoder(w).Encode(map[string]any{"items": []any{item}})
		}
	}))
	defer server.Close()
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	for _, verb := range []string{"requests req-1", "requests", "participant list", "project list", "factory list", "run list", "agreements"} {
		var out, err bytes.Buffer
		execute(t.Context(), append([]string{"--server", server.URL}, strings.Fields(verb)...), strings.NewReader(""), &out, &err)
		all := out.String() + err.String()
		if strings.ContainsAny(all, "\x1b\u202e\t") || strings.Contains(all, "\n● granted") || !strings.Contains(all, "Wheat") {
			t.Errorf("%s: %q", verb, all)
		}
	}
}
