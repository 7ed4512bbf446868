package gateway_test

import (
	"cmp"
	"crypto/ed25519"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"guichet/catalog/harvest"
	"guichet/catalog/saved"
	"guichet/connectors/db/dbtest"
	"guichet/gateway"
	"guichet/policy/call"
	"guichet/policy/join"
	"guichet/schemas"
)

// callers are everybody who may come to a door: nobody, somebody whom no participant
// has as a member, one of each role, one of each role at an organisation that has
// nothing to do with what is asked for, and whoever bears a lease.
var callers = []string{"nobody", "guest", "trainer", "researcher", "agronomy", "grid", "officer", "operator", "lease"}

// operations says how each operation of the OpenAPI document is asked so that its input
// has no fault and what it names is there: who may do it is all that decides. What it
// changes is made anew for each call.
type asking struct {
	path string
	body any
	has  string // what the answer may hold: where it does not, its status has a minus
}

func operations(s *site, dataset, closed schemas.Dataset, one schemas.Request) map[string]func() asking {
	n := 0
	next := func() string { n++; return fmt.Sprintf("made-%d", n) }
	reason := map[string]string{"reason": "a test of roles"}
	org := func() schemas.Participant {
		return schemas.Participant{ID: schemas.ParticipantID("https://" + next() + ".example"), Name: "Made", Country: "FR", Kind: schemas.KindResearch, Roles: []schemas.Role{schemas.RoleTrainer}}
	}
	stored := func() schemas.Participant {
		p, err := s.parties.PutParticipant(s.t.Context(), boss(), org(), 0)
		must(s.t, err)
		return p
	}
	agreed := func() string { return string(s.asked(dataset.ID, nil).Items[0].Agreement) }
	lease := func() (l struct{ Lease schemas.Lease }) {
		s.want(201, "trainer", "POST", "/leases", map[string]any{"items": []map[string]string{{"agreement": agreed()}}}).as(s.t, &l)
		return l
	}
	run := func() (r schemas.Run) {
		s.want(201, "trainer", "POST", "/runs", map[string]string{"project": "crops"}).as(s.t, &r)
		return r
	}
	made := func() string { return string(s.register(wheat(next())).ID) }
	is := func(path string) func() asking { return func() asking { return asking{path: path} } }
	holds := func(path, has string) func() asking { return func() asking { return asking{path, nil, has} } }
	agreement, first := string(one.Items[0].Agreement), run()
	at := func(p schemas.Participant) string { return "/participants/" + url.PathEscape(string(p.ID)) }
	index := func() string {
		terms := permit(nil)
		terms.Title = schemas.Text{"en": next()} // the same terms would be no change
		s.want(200, "agronomy", "PUT", "/datasets/"+string(dataset.ID)+"/offer", terms)
		head, err := s.db.Head(s.t.Context())
		must(s.t, err)
		return fmt.Sprint(head - 1)
	}
	own := index() // a record of the provider's
	keyed := map[string]any{"public_key": make([]byte, ed25519.PublicKeySize), "items": []map[string]string{{"agreement": agreement}}}
	var key schemas.Lease
	s.want(201, "trainer", "POST", "/job-keys", keyed).as(s.t, &key)
	source := next()
	s.want(201, "operator", "POST", "/sources", harvest.Catalogue{ID: schemas.SourceID(source), URL: "https://portal.example/"})
	twin := func(id string) schemas.Dataset {
		d := wheat("Wheat yields by plot, told twice")
		d.Identifiers = []string{id}
		return s.register(d)
	}
	left, right := twin("10.1234/twice"), twin("10.1234/twice")
	together, too := twin("10.1234/others"), twin("10.1234/others")
	s.grouped(left.ID)
	s.grouped(too.ID)
	var staged schemas.CopyAnswer
	s.want(201, "trainer", "POST", "/copies", map[string]string{"agreement": agreement}).as(s.t, &staged)
	declared := func() join.Declared {
		return join.Declared{Organisation: schemas.ParticipantID("https://" + next() + ".example"), Name: "Made", Country: "FR", Kind: schemas.KindResearch,
			Roles: []schemas.Role{schemas.RoleTrainer}, Contact: "made@made.example"}
	}
	asked := func() (a join.Application) {
		s.want(201, next(), "POST", "/applications", declared()).as(s.t, &a)
		return a
	}
	invited := func() (in join.NewInvitation) {
		s.want(201, "trainer", "POST", "/invitations", join.InvitationAsk{Roles: []schemas.Role{schemas.RoleTrainer}}).as(s.t, &in)
		return in
	}
	waits := asked()
	var kept saved.Search
	s.want(201, "trainer", "POST", "/searches", saved.SearchAsk{Name: "mine", Query: "q=wheat"}).as(s.t, &kept)
	called := func() (c call.Call) {
		id := next()
		s.want(201, "operator", "POST", "/calls", call.Call{ID: id, Name: "The call " + id, Closes: time.Now().Add(time.Hour)}).as(s.t, &c)
		return c
	}
	applies := func() (path string, project schemas.ProjectID) {
		c, id := called(), schemas.ProjectID(next())
		s.want(201, "trainer", "POST", "/projects", schemas.Project{ID: id, Title: "Made", Factory: "leonardo", Purposes: []string{"train-model"}})
		s.want(201, "trainer", "POST", "/calls/"+c.ID+"/applications", call.CandidateAsk{Project: id})
		return "/calls/" + c.ID + "/applications", id
	}
	under, asks := applies()
	return map[string]func() asking{
		"GET /demand":     is("/demand"),
		"GET /calls":      is("/calls"),
		"GET /calls/{id}": func() asking { return asking{"/calls/" + called().ID, nil, ""} },
		"POST /calls": func() asking {
			id := next()
			return asking{"/calls", call.Call{ID: id, Name: "The call " + id, Owner: trainerOrg, Closes: time.Now().Add(time.Hour)}, ""}
		},
		"POST /calls/{id}/close":       func() asking { return asking{"/calls/" + called().ID + "/close", reason, ""} },
		"GET /calls/{id}/applications": holds(under, string(asks)),
		"POST /calls/{id}/applications": func() asking {
			c, id := called(), schemas.ProjectID(next())
			s.want(201, "trainer", "POST", "/projects", schemas.Project{ID: id, Title: "Made", Factory: "leonardo", Purposes: []string{"train-model"}})
			return asking{"/calls/" + c.ID + "/applications", call.CandidateAsk{Project: id}, ""}
		},
		"POST /calls/{id}/applications/{project}/answer": func() asking {
			path, id := applies()
			return asking{path + "/" + string(id) + "/answer", call.CandidateAnswer{Decision: "admit"}, ""}
		},
		"DELETE /calls/{id}/applications/{project}": func() asking {
			path, id := applies()
			return asking{path + "/" + string(id), nil, ""}
		},
		"GET /searches":            is("/searches"),
		"POST /searches":           func() asking { return asking{"/searches", saved.SearchAsk{Name: "wheat", Query: "q=wheat"}, ""} },
		"POST /searches/{id}/look": func() asking { return asking{"/searches/" + kept.ID + "/look", map[string]int{"total": 1}, ""} },
		"DELETE /searches/{id}": func() asking {
			var mine saved.Search
			s.want(201, "trainer", "POST", "/searches", saved.SearchAsk{Name: next()}).as(s.t, &mine)
			return asking{"/searches/" + mine.ID, nil, ""}
		},
		"GET /joining":           is("/joining"),
		"GET /applications":      holds("/applications?limit=1000", waits.ID),
		"POST /applications":     func() asking { return asking{"/applications", declared(), ""} },
		"GET /applications/{id}": is("/applications/" + waits.ID),
		"POST /applications/{id}/answer": func() asking {
			return asking{"/applications/" + asked().ID + "/answer", join.Answer{Decision: "confirm"}, ""}
		},
		"DELETE /applications/{id}":          func() asking { return asking{"/applications/" + asked().ID, nil, ""} },
		"GET /organisation":                  is("/organisation"),
		"GET /organisation (of the trainer)": is("/organisation?participant=" + url.QueryEscape(string(trainerOrg))),
		"POST /organisation/removals": func() asking {
			in, who := invited(), next()
			s.want(200, who, "POST", "/invitations/accept", map[string]string{"secret": in.Secret})
			return asking{"/organisation/removals", join.Removal{Participant: trainerOrg, Issuer: s.issuer, Subject: who}, ""}
		},
		"POST /invitations": func() asking {
			return asking{"/invitations", join.InvitationAsk{Participant: trainerOrg, Roles: []schemas.Role{schemas.RoleTrainer}}, ""}
		},
		"DELETE /invitations/{id}": func() asking { return asking{"/invitations/" + invited().Invitation.ID, nil, ""} },
		"POST /invitations/look": func() asking {
			return asking{"/invitations/look", map[string]string{"secret": invited().Secret}, ""}
		},
		"POST /invitations/accept": func() asking { // withdrawn: it would make a member of a guest
			in := invited()
			s.want(200, "trainer", "DELETE", "/invitations/"+in.Invitation.ID, nil)
			return asking{"/invitations/accept", map[string]string{"secret": in.Secret}, ""}
		},
		"GET /agreements":                                      holds("/agreements?limit=1000", agreement),
		"GET /agreements/{id}":                                 is("/agreements/" + agreement),
		"GET /agreements/{id}/manifest":                        is("/agreements/" + agreement + "/manifest"),
		"HEAD /agreements/{id}/manifest":                       is("/agreements/" + agreement + "/manifest"),
		"POST /agreements/{id}/ranges":                         func() asking { return asking{"/agreements/" + agreement + "/ranges", map[string]any{}, ""} },
		"POST /agreements/{id}/revoke":                         func() asking { return asking{"/agreements/" + agreed() + "/revoke", reason, ""} },
		"GET /agreements/{id}/stream":                          is("/agreements/" + agreement + "/stream?table=none"),
		"HEAD /agreements/{id}/stream":                         is("/agreements/" + agreement + "/stream?table=none"),
		"GET /agreements/{id}/tables/{table}/{split}/{shard}":  is("/agreements/" + agreement + "/tables/data/all/7.arrow"),
		"HEAD /agreements/{id}/tables/{table}/{split}/{shard}": is("/agreements/" + agreement + "/tables/data/all/7.arrow"),
		"GET /agreements/{id}/{shard}":                         is("/agreements/" + agreement + "/7.arrow"),
		"HEAD /agreements/{id}/{shard}":                        is("/agreements/" + agreement + "/7.arrow"),
		"GET /audit/checkpoint":                                is("/audit/checkpoint"),
		"GET /audit/consistency":                               is("/audit/consistency?from=1&to=2"),
		"GET /audit/export":                                    is("/audit/export"),
		"GET /audit/key":                                       is("/audit/key"),
		"GET /audit/nouns":                                     is("/audit/nouns"),
		"GET /audit/proofs/{index}":                            is("/audit/proofs/" + own),
		"GET /audit/records":                                   holds("/audit/records?agreement="+agreement, agreement),
		"GET /audit/records (whole)":                           is("/audit/records?whole=true"),
		"POST /audit/records/{index}/erase": func() asking {
			return asking{"/audit/records/" + index() + "/erase", map[string]any{"names": []string{"subject"}, "reason": "a test of roles"}, ""}
		},
		"GET /catalogue":                                  holds("/catalogue", string(closed.ID)),
		"GET /catalogue/changes":                          holds("/catalogue/changes", string(closed.ID)),
		"GET /datasets":                                   holds("/datasets?limit=1000", string(closed.ID)),
		"POST /datasets":                                  func() asking { return asking{"/datasets", wheat(next()), ""} },
		"DELETE /datasets/{id}":                           func() asking { return asking{"/datasets/" + made(), nil, ""} },
		"GET /datasets/{id}":                              is("/datasets/" + string(dataset.ID)),
		"GET /datasets/{id} (hidden)":                     is("/datasets/" + string(closed.ID)),
		"PUT /datasets/{id}":                              func() asking { return asking{"/datasets/" + made(), wheat("Changed"), ""} },
		"PUT /datasets/{id}/files/{table}/{split}/{name}": func() asking { return asking{"/datasets/" + string(dataset.ID) + "/files/data/all/a.csv", "a,b\n", ""} },
		"POST /datasets/{id}/files/{table}/{split}": func() asking {
			return asking{"/datasets/" + string(dataset.ID) + "/files/data/all", map[string]string{"url": "http://127.0.0.1/x"}, ""}
		},
		"PUT /datasets/{id}/offer":                   func() asking { return asking{"/datasets/" + made() + "/offer", permit(nil), ""} },
		"POST /datasets/{id}/offer/trial":            func() asking { return asking{"/datasets/" + made() + "/offer/trial", permit(nil), ""} },
		"POST /datasets (check)":                     func() asking { return asking{"/datasets?check=true", wheat(next()), ""} },
		"PUT /datasets/{id} (check)":                 func() asking { return asking{"/datasets/" + made() + "?check=true", wheat("Changed"), ""} },
		"GET /duplicates":                            holds("/duplicates", string(together.ID)),
		"GET /datasets/{id}/duplicates":              is("/datasets/" + string(left.ID) + "/duplicates"),
		"GET /datasets/{id}/duplicates (hidden)":     is("/datasets/" + string(closed.ID) + "/duplicates"),
		"PUT /datasets/{id}/apart/{other}":           is("/datasets/" + string(left.ID) + "/apart/" + string(right.ID)),
		"PUT /datasets/{id}/apart/{other} (hidden)":  is("/datasets/" + string(left.ID) + "/apart/" + string(closed.ID)),
		"DELETE /datasets/{id}/apart/{other}":        is("/datasets/" + string(left.ID) + "/apart/" + string(right.ID)),
		"GET /datasets/{id}/stand-in.arrow":          is("/datasets/" + string(dataset.ID) + "/stand-in.arrow"),
		"GET /datasets/{id}/stand-in.arrow (hidden)": is("/datasets/" + string(closed.ID) + "/stand-in.arrow"),
		"GET /datasets/{id}/files":                   is("/datasets/" + string(dataset.ID) + "/files"),
		"GET /datasets/{id}/versions":                is("/datasets/" + string(dataset.ID) + "/versions"),
		"GET /datasets/{id}/versions (hidden)":       is("/datasets/" + string(closed.ID) + "/versions"),
		"POST /datasets/{id}/versions": func() asking {
			return asking{"/datasets/" + made() + "/versions", schemas.Publication{Store: "local", Bucket: "b", Tables: []schemas.PublicationTable{{Name: "data", Splits: []schemas.PublicationSplit{{Name: "all", Keys: []string{"agronomy/a.csv"}}}}}}, ""}
		},
		"DELETE /datasets/{id}/versions/{version}": func() asking {
			id := made()
			s.publish(schemas.DatasetID(id))
			return asking{"/datasets/" + id + "/versions/v1", nil, ""}
		},
		"DELETE /datasets/{id}/versions/{version}/distributions": func() asking {
			id := made()
			s.publish(schemas.DatasetID(id))
			return asking{"/datasets/" + id + "/versions/v1/distributions", nil, ""}
		},
		"GET /datasets/{id}/versions/{version}/distributions":          is("/datasets/" + string(dataset.ID) + "/versions/v1/distributions"),
		"GET /datasets/{id}/versions/{version}/distributions (hidden)": is("/datasets/" + string(closed.ID) + "/versions/v1/distributions"),
		"GET /datasets/{id}/versions/{version}":                        is("/datasets/" + string(dataset.ID) + "/versions/v1"),
		"GET /datasets/{id}/versions/{version} (hidden)":               is("/datasets/" + string(closed.ID) + "/versions/v1"),
		"GET /datasets/{id}/versions/{version}/manifest":               is("/datasets/" + string(dataset.ID) + "/versions/v1/manifest"),
		"POST /decisions": func() asking {
			return asking{"/decisions", schemas.Ask{Dataset: dataset.ID, Purpose: "train-model"}, ""}
		},
		"POST /decisions (hidden)": func() asking {
			return asking{"/decisions", schemas.Ask{Dataset: closed.ID, Purpose: "train-model"}, ""}
		},
		"GET /issuers":   is("/issuers"),
		"GET /factories": holds("/factories", "203.0.113.0/24"),
		"POST /factories": func() asking {
			return asking{"/factories", schemas.Factory{ID: schemas.FactoryID(next()), Name: "Made", Country: "FR"}, ""}
		},
		"POST /leases": func() asking {
			return asking{"/leases", map[string]any{"items": []map[string]string{{"agreement": agreement}}}, ""}
		},
		"POST /leases/{id}/revoke": func() asking { return asking{"/leases/" + string(lease().Lease.ID) + "/revoke", reason, ""} },
		"POST /copies":             func() asking { return asking{"/copies", map[string]string{"agreement": agreement}, ""} },
		"GET /copies":              holds("/copies", string(staged.Copy.ID)),
		"GET /copies/{id}":         is("/copies/" + string(staged.Copy.ID)),
		"POST /copies/{id}/open":   func() asking { return asking{"/copies/" + string(staged.Copy.ID) + "/open", map[string]any{}, ""} },
		"POST /copies/{id}/reads": func() asking {
			return asking{"/copies/" + string(staged.Copy.ID) + "/reads", schemas.ReadsAsk{Reads: []schemas.ReadOfCopy{{At: time.Now()}}}, ""}
		},
		"GET /job-keys":                holds("/job-keys", string(key.ID)),
		"GET /job-keys/{id}":           is("/job-keys/" + string(key.ID)),
		"POST /job-keys":               func() asking { return asking{"/job-keys", keyed, ""} },
		"GET /me":                      is("/me"),
		"GET /notices/key":             is("/notices/key"),
		"GET /participants":            holds("/participants", string(trainerOrg)),
		"POST /participants":           func() asking { return asking{"/participants", org(), ""} },
		"POST /participants/{id}/stop": func() asking { return asking{at(stored()) + "/stop", reason, ""} },
		"POST /participants/{id}/unstop": func() asking {
			p := stored()
			s.want(200, "operator", "POST", at(p)+"/stop", reason)
			return asking{at(p) + "/unstop", reason, ""}
		},
		"GET /projects": holds("/projects", "crops"),
		"POST /projects": func() asking {
			return asking{"/projects", schemas.Project{ID: schemas.ProjectID(next()), Title: "Made", Factory: "leonardo", Lead: trainerOrg, Purposes: []string{"train-model"}}, ""}
		},
		"GET /reports":                 is("/reports"),
		"GET /reports/dossier":         is("/reports/dossier?project=crops"),
		"GET /reports/{name}":          holds("/reports/uses?dataset="+string(dataset.ID), agreement),
		"GET /reports/{name} (demand)": is("/reports/demand"),
		"GET /requests":                holds("/requests?limit=1000", string(one.ID)),
		"POST /requests": func() asking {
			return asking{"/requests", map[string]any{"project": "crops", "items": []map[string]any{{"dataset": dataset.ID}}}, ""}
		},
		"POST /requests (check)": func() asking {
			return asking{"/requests?check=true", map[string]any{"project": "crops", "items": []map[string]any{{"dataset": dataset.ID}}}, ""}
		},
		"GET /requests/{id}": is("/requests/" + string(one.ID)),
		"POST /requests/{id}/review": func() asking {
			d := s.offered(next(), "application/json", map[string]any{"template": "ask-the-holder"})
			return asking{"/requests/" + string(s.asked(d.ID, nil).ID) + "/review", map[string]string{"decision": "refuse", "reason": "a test of roles"}, ""}
		},
		"POST /requests/{id}/withdraw": func() asking {
			d := s.offered(next(), "application/json", map[string]any{"template": "ask-the-holder"})
			return asking{"/requests/" + string(s.asked(d.ID, nil).ID) + "/withdraw", nil, ""}
		},
		"GET /runs":           holds("/runs?limit=1000", string(first.ID)),
		"POST /runs":          func() asking { return asking{"/runs", map[string]string{"project": "crops"}, ""} },
		"GET /runs/{id}":      is("/runs/" + string(first.ID)),
		"POST /runs/{id}/end": func() asking { return asking{"/runs/" + string(run().ID) + "/end", nil, ""} },
		"POST /runs/{id}/outputs": func() asking {
			return asking{"/runs/" + string(run().ID) + "/outputs", map[string]string{"kind": "model", "name": next(), "digest": "sha256:" + strings.Repeat("0", 64)}, ""}
		},
		"GET /spaces":                   is("/spaces"),
		"GET /contacts":                 is("/contacts"),
		"GET /spaces/{id}/request-form": is("/spaces/health/request-form"),
		"GET /suggestions":              is("/suggestions?q=whe"),
		"GET /sources":                  holds("/sources", source),
		"POST /sources": func() asking {
			return asking{"/sources", harvest.Catalogue{ID: schemas.SourceID(next()), URL: "https://portal.example/"}, ""}
		},
		"GET /sources/{id}":          is("/sources/" + source),
		"GET /sources/{id}/refused":  is("/sources/" + source + "/refused"),
		"POST /sources/{id}/harvest": func() asking { return asking{"/sources/" + source + "/harvest", map[string]bool{}, ""} },
		"DELETE /sources/{id}": func() asking {
			id := next()
			s.want(201, "operator", "POST", "/sources", harvest.Catalogue{ID: schemas.SourceID(id), URL: "https://portal.example/"})
			return asking{"/sources/" + id, nil, ""}
		},
		"GET /stores":              holds("/stores", "agronomy/"),
		"GET /stores/{id}/objects": is("/stores/local/objects?bucket=lab&prefix=agronomy/"),
		"POST /stores": func() asking {
			return asking{"/stores", schemas.Store{ID: schemas.StoreID(next()), Endpoint: "https://s3.example", Region: "eu", CredentialRef: "local"}, ""}
		},
		"GET /streams":                is("/streams"),
		"GET /lineage":                is("/lineage?dataset=" + string(dataset.ID)),
		"GET /lineage (agreement)":    is("/lineage?agreement=" + agreement),
		"GET /lineage (run)":          is("/lineage?run=" + string(first.ID)),
		"GET /names":                  is("/names?id=https://lab.example,https://agronomy.example,https://grid.example"),
		"GET /throughput":             is("/throughput"),
		"GET /uses":                   is("/uses"),
		"GET /throughput (agreement)": is("/throughput?agreement=" + agreement),
		"GET /throughput (run)":       is("/throughput?run=" + string(first.ID)),
	}
}

// Who may read and change what: every operation of the OpenAPI document by everybody who
// may come, on both databases, against a table that people have looked at. An operation
// that is in the document and not here fails.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("each operation by each role, on two databases: the race detector learns nothing of it")
	}
	file := filepath.Join("testdata", "roles.txt")
	for _, kind := range dbtest.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := newSiteOn(t, kind, func(d *gateway.Deps) { d.Limits.Runs = 1 << 20 })
			s.store = bucket(t)
			got := rights(t, s)
			if *update && kind == dbtest.SQLite {
				must(t, os.WriteFile(file, []byte(got), 0o600))
				return
			}
			want, err := os.ReadFile(file)
			must(t, err)
			if d := gocmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
				t.Errorf("who may do what changed; look at it, then run go test ./gateway -run WhoMay -update (-want +got):\n%s", d)
			}
		})
	}
}

// rights asks everything as everybody, and gives the table of statuses.
func rights(t *testing.T, s *site) string {
	dataset := s.offered("Seen by all", "application/json", permit(nil))
	hidden := wheat("Seen by its provider")
	hidden.Visibility = schemas.VisibleToOwn
	closed := s.register(hidden)
	s.want(200, "agronomy", "PUT", "/datasets/"+string(closed.ID)+"/offer", permit(nil))
	s.publish(closed.ID)
	_, err := s.parties.PutFactory(t.Context(), boss(), schemas.Factory{ID: "proven", Name: "Proven", Country: "FI", Egress: []string{"203.0.113.0/24"}}, 0)
	must(t, err)
	s.settle()
	one := s.asked(dataset.ID, nil)
	var lease struct{ Token string }
	ops := operations(s, dataset, closed, one)
	var names []string
	for path, item := range s.spec.paths {
		for method := range item.(map[string]any) {
			name := strings.ToUpper(method) + " " + path
			names = append(names, name)
			if ops[name] == nil {
				t.Errorf("%s is in the OpenAPI document and not in this test: say how it is asked, and who may", name)
			}
		}
	}
	for name := range ops {
		plain, _, _ := strings.Cut(name, " (")
		if !slices.Contains(names, plain) {
			t.Errorf("%s is in this test and not in the OpenAPI document", name)
		}
		if plain != name {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { // by path, then by method
		_, one, _ := strings.Cut(a, " ")
		_, two, _ := strings.Cut(b, " ")
		return cmp.Or(strings.Compare(one, two), strings.Compare(a, b))
	})
	var out strings.Builder
	out.WriteString("# Status of every operation for everybody; with a minus, what belongs to others is not in the answer.\n")
	fmt.Fprintf(&out, "%-54s %s\n", "", strings.Join(callers, " "))
	for _, name := range names {
		if ops[name] == nil {
			continue
		}
		fmt.Fprintf(&out, "%-54s", name)
		for _, who := range callers {
			s.want(201, "trainer", "POST", "/leases", map[string]any{"items": []map[string]string{{"agreement": string(one.Items[0].Agreement)}}}).as(t, &lease)
			ask := ops[name]()
			method, _, _ := strings.Cut(name, " ")
			r := s.by(who, lease.Token, method, ask)
			cell := fmt.Sprint(r.status)
			if r.status == 200 && !strings.Contains(r.body, ask.has) {
				cell += "-"
			}
			fmt.Fprintf(&out, " %*s", len(who), cell)
		}
		out.WriteString("\n")
	}
	return out.String()
}

// by asks as one of callers.
func (s *site) by(who, lease, method string, ask asking) reply {
	switch who {
	case "nobody":
		return s.call("", method, ask.path, ask.body)
	case "lease":
		if ask.path == "/leases" {
			ask.body = map[string]any{} // it names its own agreements
		}
		return s.call("", method, ask.path, ask.body, "Authorization", "Bearer "+lease)
	}
	return s.call(who, method, ask.path, ask.body)
}
