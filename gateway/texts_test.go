package gateway_test

import (
	"bufio"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"guichet/connectors/db/dbtest"
	"guichet/gateway"
	"guichet/schemas"
)

// What can be no id and no word is refused before a database that does not know such
// texts is asked: the same on both databases, and never a fault of ours.
func TestTextsThatAreNone(t *testing.T) {
	t.Parallel()
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newSiteOn(t, kind)
			d := s.register(wheat("Wheat"))
			long := strings.Repeat("a", 9000)
			for _, id := range []string{"%00", "%ff", "a%00b", "%c3%28", "%ed%a0%80", long} {
				for _, path := range []string{"/datasets/" + id, "/datasets/" + id + "/versions", "/datasets/" + string(d.ID) + "/versions/" + id, "/agreements/" + id, "/requests/" + id, "/runs/" + id} {
					s.want(404, "trainer", "GET", path, nil)
				}
				s.want(404, "", "GET", "/datasets/"+id, nil)
				s.want(404, "agronomy", "POST", "/agreements/"+id+"/revoke", map[string]string{"reason": "none"})
				s.want(404, "operator", "POST", "/participants/"+id+"/stop", map[string]string{"reason": "none"})
				s.want(404, "agronomy", "PUT", "/datasets/"+string(d.ID)+"/files/data/all/"+id, "a,b\n")
				for _, path := range []string{"/agreements?dataset=", "/streams?agreement=", "/runs?project=", "/audit/records?agreement=", "/requests?cursor=", "/datasets?q="} {
					if r := s.call("operator", "GET", path+id, nil); id != long && r.status != 422 && r.status != 403 || r.status >= 500 {
						t.Errorf("%s%.20s: %d %s", path, id, r.status, r.body)
					}
				}
			}
			for _, c := range []struct {
				who, method, path, body string
			}{
				{"trainer", "POST", "/requests", `{"project":"crops","items":[{"dataset":"a\u0000b"}]}`},
				{"trainer", "POST", "/leases", `{"items":[{"agreement":"a\u0000b"}]}`},
				{"trainer", "POST", "/runs", `{"project":"crops","external_id":"a\u0000b"}`},
				{"trainer", "POST", "/runs", "{\"project\":\"crops\",\"external_id\":\"a\xffb\"}"},
				{"agronomy", "POST", "/datasets", `{"space":"agriculture","title":{"en":"a\\\u0000"},"licence":"CC0-1.0"}`},
				{"", "POST", "/decisions", `{"dataset":"a\u0000b","purpose":"train-model"}`},
				{"operator", "POST", "/participants", `{"id":"https://x.example","name":"X","country":"FR","kind":"research","roles":["trainer"],"members":[{"iss":"https://i.example","sub":"a\u0000b","roles":["trainer"]}]}`},
				{"operator", "POST", "/participants", `{"id":"https://x.example","name":"X","country":"FR","kind":"research","roles":["trainer"],"members":[{"iss":"https://i.example","sub":"` + long + `","roles":["trainer"]}]}`},
				{"agronomy", "POST", "/datasets", `{"iri":"https://x.example/` + long + `","space":"agriculture","title":{"en":"a"},"licence":"CC0-1.0"}`},
			} {
				s.want(422, c.who, c.method, c.path, c.body)
			}
			s.want(422, "agronomy", "POST", "/datasets", "space: agriculture\ntitle: {en: \"a\\0b\"}\n", "Content-Type", "application/yaml")
			s.want(201, "trainer", "POST", "/runs", `{"project":"crops","external_id":"a\\u0000b"}`) // six letters after a backslash
			for _, name := range []string{"%e2%80%ae.csv", "a%1b.csv", "a%0ab.csv"} {
				s.want(422, "agronomy", "PUT", "/datasets/"+string(d.ID)+"/files/data/all/"+name, "a,b\n")
			}
		})
	}
}

// An IRI belongs to one organisation's datasets.
func TestIRIOfAnother(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := wheat("Official")
	d.IRI = "https://agronomy.example/official"
	first := s.register(d)
	r := s.want(409, "grid", "POST", "/datasets", d)
	if strings.Contains(r.body, string(first.ID)) {
		t.Errorf("the answer tells whose it is: %s", r.body)
	}
	s.want(200, "agronomy", "DELETE", "/datasets/"+string(first.ID), nil)
	s.want(201, "grid", "POST", "/datasets", d)
}

// The answer to a lease is kept without its token, which is made again for the same
// lease, and not when the lease opens nothing any more.
func TestTokensAreNotKept(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.register(wheat("Open"))
	s.want(200, "agronomy", "PUT", "/datasets/"+string(d.ID)+"/offer", permit(nil))
	s.publish(d.ID)
	id := string(s.asked(d.ID, nil).Items[0].Agreement)
	ask := map[string]any{"items": []map[string]any{{"agreement": id}}}
	var one, two struct{ Token string }
	first := s.want(201, "trainer", "POST", "/leases", ask, "Idempotency-Key", "k")
	first.as(t, &one)
	var kept string
	must(t, s.db.QueryRow(t.Context(), `SELECT body FROM idempotency WHERE key = 'k'`).Scan(&kept))
	if one.Token == "" || strings.Contains(kept, one.Token) || strings.Contains(kept, strings.Split(one.Token, ".")[1]) {
		t.Errorf("the token is kept: %s", kept)
	}
	again := s.want(201, "trainer", "POST", "/leases", ask, "Idempotency-Key", "k")
	again.as(t, &two)
	if two.Token != one.Token || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("the repetition has another token, or is none: %v", again.header)
	}
	var a, b any
	must(t, json.Unmarshal([]byte(first.body), &a))
	must(t, json.Unmarshal([]byte(again.body), &b))
	s.want(201, "trainer", "POST", "/leases", ask, "Idempotency-Key", "yaml", "Accept", "application/yaml")
	s.want(409, "trainer", "POST", "/leases", ask, "Idempotency-Key", "yaml", "Accept", "application/yaml")
	s.want(200, "agronomy", "POST", "/agreements/"+id+"/revoke", map[string]string{"reason": "over"})
	s.want(403, "trainer", "POST", "/leases", ask, "Idempotency-Key", "k")
}

// Answers say to browsers what they are, balancers may ask by HEAD, and a flood of
// unknown keys is answered in few words.
func TestAnswersAreGuarded(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, path := range []string{"/healthz", "/api/v1/spaces", "/api/v1/nowhere", "/api/v1/agreements/x/manifest"} {
		resp, err := http.Get(s.base + path)
		must(t, err)
		resp.Body.Close()
		if resp.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(resp.Header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %v", path, resp.Header)
		}
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200} {
		resp, err := http.Head(s.base + path)
		must(t, err)
		resp.Body.Close()
		if resp.StatusCode != want && path == "/healthz" || resp.StatusCode == http.StatusMethodNotAllowed {
			t.Errorf("HEAD %s: %s", path, resp.Status)
		}
	}
	var q strings.Builder
	for i := range 3000 {
		q.WriteString("&unknown" + strconv.Itoa(i) + "=1")
	}
	r := s.want(422, "", "GET", "/datasets?"+q.String()[1:], nil)
	var p struct{ Errors []schemas.FieldError }
	r.as(t, &p)
	if len(p.Errors) != 11 || p.Errors[10].Message != "and 2990 more" {
		t.Errorf("%d faults are told, %d bytes", len(p.Errors), len(r.body))
	}
}

// A request that says its length twice is answered 400 and its connection closed, as the
// first one and as a later one; one in chunks is answered, and nothing behind it read.
func TestLengthsSaidTwice(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	srv := gateway.Listeners{Web: gateway.NewCrowd(gateway.Limits{}, nil, slog.New(slog.DiscardHandler)).Bound(l, true)}
	s.serve(srv)
	const body = "5\r\n{\"a\":\r\n0\r\n\r\n"
	twice := "POST /api/v1/decisions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n" + body
	chunked := strings.Replace(twice, "Content-Length: 5\r\n", "", 1)
	plain := "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	ask := func(pieces ...string) (statuses []int, closed bool) {
		c, err := net.Dial("tcp", l.Addr().String())
		must(t, err)
		defer c.Close()
		in := bufio.NewReader(c)
		for _, p := range pieces {
			_, err := io.WriteString(c, p)
			must(t, err)
			if !strings.HasSuffix(p, "\r\n\r\n") {
				continue // the rest of a head follows
			}
			r, err := http.ReadResponse(in, nil)
			if err != nil {
				return statuses, true
			}
			_, err = io.Copy(io.Discard, r.Body)
			must(t, err)
			statuses = append(statuses, r.StatusCode)
		}
		rest, err := in.ReadString(0)
		if len(rest) > 0 {
			t.Errorf("there is more: %q", rest)
		}
		return statuses, err != nil // reset where it had more to say
	}
	if got, closed := ask(twice); len(got) != 1 || got[0] != 400 || !closed {
		t.Errorf("said twice: %v, closed %t", got, closed)
	}
	if got, closed := ask(plain, twice); len(got) != 2 || got[0] != 200 || got[1] != 400 || !closed {
		t.Errorf("said twice by a later request: %v, closed %t", got, closed)
	}
	if got, closed := ask(twice[:60], twice[60:]); len(got) != 1 || got[0] != 400 || !closed {
		t.Errorf("said twice in pieces: %v, closed %t", got, closed)
	}
	if got, closed := ask(chunked + plain); len(got) != 1 || got[0] == 200 || !closed {
		t.Errorf("in chunks, with another behind: %v, closed %t", got, closed)
	}
	if got, _ := ask(plain, plain, strings.Replace(plain, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)); len(got) != 3 {
		t.Errorf("three plain ones: %v", got)
	}
}
