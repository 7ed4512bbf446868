package dossier

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/audit"
	"guichet/policy/report"
	"guichet/schemas"
)

// site is a record with a project in it, and what makes dossiers.
type site struct {
	t     *testing.T
	db    *db.DB
	log   *audit.Log
	maker *Maker
}

const hostile = `<script>alert(1)</script>"'=x` + "\u202e"

func newSite(t *testing.T) *site {
	t.Helper()
	skey, _, err := audit.NewKey("guichet-test")
	agreementtest.Must(t, err)
	s := &site{t: t, db: dbtest.OpenURL(t, dbtest.URL(t, dbtest.SQLite))}
	s.log, err = audit.New(s.db, skey, filepath.Join(t.TempDir(), "head"), nil)
	agreementtest.Must(t, err)
	s.db.OnGroup(s.log.Step)
	dbtest.Run(t, s.db)
	agreementtest.Must(t, s.log.Start(t.Context()))
	s.maker, err = New(report.New(s.db, s.log), s.log)
	agreementtest.Must(t, err)
	about := map[string]string{"project": "p", "dataset": "ds-a", "participant": "https://lab.example", "provider": "https://holder.example",
		"purpose": "train-model", "agreement": "agr-1", "run": "run-1", "release": "rel-1", "version": "v1", "table": "data", "split": "train"}
	with := func(pairs ...string) map[string]string {
		v := maps.Clone(about)
		for i := 0; i < len(pairs); i += 2 {
			v[pairs[i]] = pairs[i+1]
		}
		return v
	}
	s.says(schemas.ChangeRequest, with("request", "req-1", "state", "granted", "rules", hostile))
	s.says(schemas.ChangeAgreement, with("permit", "req-1", "rules", hostile, "by", "https://holder.example", "subject", "i#hal"))
	s.says(schemas.ChangeRun, map[string]string{"run": "run-1", "project": "p", "external": hostile, "by": "https://lab.example"})
	s.says(schemas.ChangeReleaseBegin, with())
	s.says(schemas.ChangeReleaseEnd, with("state", "complete"))
	s.says(schemas.ChangeRun, map[string]string{"run": "run-1", "project": "p", "output": "model w", "digest": "sha256:aa", "by": "https://lab.example"})
	return s
}

func (s *site) says(kind string, v map[string]string) {
	s.t.Helper()
	agreementtest.Must(s.t, s.db.Write(context.Background(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.Append(ctx, schemas.Change{Kind: kind, Subject: "x", Values: v,
			Numbers: map[string]int64{"rows": 1234567, "bytes": 8, "until": 1800000000, "most_rows": 9, "most_bytes": 9}})
		return err
	}))
}

func (s *site) make(by schemas.Principal, at int64) ([]byte, int64, error) {
	return s.maker.Make(s.t.Context(), by, report.Ask{At: at, Parameters: map[string]string{"project": "p"}})
}

// unpacked are the files of a dossier.
func unpacked(t *testing.T, b []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	agreementtest.Must(t, err)
	out := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		agreementtest.Must(t, err)
		text, err := io.ReadAll(r)
		agreementtest.Must(t, err)
		out[f.Name] = string(text)
	}
	return out
}

// A dossier holds what it says, verifies with the public key alone, and is the same bytes whatever was
// recorded since.
func TestDossier(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	first, size, err := s.make(agreementtest.Officer(), 0)
	agreementtest.Must(t, err)
	s.says(schemas.ChangeRequest, map[string]string{"project": "p", "request": "req-2", "dataset": "ds-b"})
	again, same, err := s.make(agreementtest.Officer(), size)
	agreementtest.Must(t, err)
	if !bytes.Equal(first, again) || same != size {
		t.Error("the dossier as at the same checkpoint is another one")
	}
	later, _, err := s.make(agreementtest.Officer(), 0)
	agreementtest.Must(t, err)
	if bytes.Equal(first, later) {
		t.Error("the dossier does not see what was recorded since")
	}
	files := unpacked(t, first)
	for name, want := range map[string]string{
		"index.html": "1\u202f234\u202f567", "unknown.html": "Outcomes that were promised", "verify.html": "guichet audit verify --key log.pub records.zip",
		"style.css": "@media print", "reproduce.py": "def releases_of", "checkpoint": "guichet-test\n7\n", "log.pub": s.log.VKey(),
		"tables/project-sums.csv": "1,1234567,8,0,0,0,", "tables/project-outputs.csv": "run-1,model w,sha256:aa,",
		"tables/permits-permits.csv": "agr-1", "tables/training-1-inputs.csv": "ds-a,https://holder.example,v1,data,train,train-model,1,1234567",
	} {
		if !strings.Contains(files[name], want) {
			t.Errorf("%s lacks %q: %.800s", name, want, files[name])
		}
	}
	rep, err := audit.VerifyBundle(strings.NewReader(files["records.zip"]), int64(len(files["records.zip"])), s.log.VKey())
	if err != nil || !rep.OK() || rep.Records != 6 || rep.For != audit.AnOfficer {
		t.Errorf("%v %+v", err, rep)
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if !strings.HasSuffix(name, ".json") {
			continue
		}
		var any map[string]any
		err := json.Unmarshal([]byte(files[name]), &any)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A dossier that is too large is refused while it is made, and not when it is held whole: by its records, and by what
// stands before them.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _, err := s.make(agreementtest.Officer(), 0)
	agreementtest.Must(t, err)
	for _, most := range []int{len(b) - 1, len(b) / 4, 100} {
		s.maker.most = most
		_, _, err := s.make(agreementtest.Officer(), 0)
		agreementtest.Refused(t, "too large", err, schemas.TooLarge, "take its reports and records apart")
	}
	out := bounded{&bytes.Buffer{}, 3}
	_, err = out.Write([]byte("four"))
	if schemas.KindOf(err) != schemas.TooLarge || out.Len() != 0 {
		t.Errorf("%v, %d bytes held", err, out.Len())
	}
}

// The pages have no scripts and load nothing, and hostile texts do nothing in them, nor in the tables.
func TestHarmless(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _, err := s.make(agreementtest.Officer(), 0)
	agreementtest.Must(t, err)
	files := unpacked(t, b)
	for name, text := range files {
		if !strings.HasSuffix(name, ".html") {
			continue
		}
		if strings.Contains(text, "<script") || strings.Contains(text, "\u202e") || regexp.MustCompile(`(src|href)="[a-z]+:`).MatchString(text) {
			t.Errorf("%s does harm: %s", name, text)
		}
		if !strings.HasPrefix(text, "<!DOCTYPE html>") {
			t.Errorf("%s begins %.40q", name, text)
		}
		for _, m := range regexp.MustCompile(`href="([^"]+)"`).FindAllStringSubmatch(text, -1) {
			if _, is := files[m[1]]; !is {
				t.Errorf("%s leads to %s, which is not there", name, m[1])
			}
		}
	}
	if !strings.Contains(files["index.html"], "&lt;script&gt;") || strings.Contains(files["tables/project-runs.csv"], "\u202e") {
		t.Error("the hostile text is not there, or not made visible")
	}
}

// Whose dossier: an officer's holds all, a partner's what concerns it, an outsider and a stranger have none.
func TestWhoHasADossier(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, _, err := s.make(agreementtest.Owner(), 0)
	agreementtest.Must(t, err)
	files := unpacked(t, b)
	rep, err := audit.VerifyBundle(strings.NewReader(files["records.zip"]), int64(len(files["records.zip"])), s.log.VKey())
	if err != nil || !rep.OK() || rep.For != string(agreementtest.Holder) || rep.Records != 4 {
		t.Errorf("%v %+v", err, rep)
	}
	if !strings.Contains(files["index.html"], "what concerns https://holder.example alone") || strings.Contains(files["tables/project-outputs.csv"], "sha256") {
		t.Errorf("%.1500s", files["index.html"])
	}
	b, size, err := s.make(agreementtest.Person("eve", "https://two.example", schemas.RoleTrainer), 0)
	if err != nil || b != nil || size != 0 {
		t.Errorf("an outsider: %d bytes, %v", len(b), err)
	}
	_, _, err = s.make(schemas.Principal{}, 0)
	agreementtest.Refused(t, "a stranger", err, schemas.Unauthenticated)
	_, _, err = s.maker.Make(t.Context(), agreementtest.Officer(), report.Ask{})
	agreementtest.Refused(t, "of no project", err, schemas.Invalid, "project")
}

// After an erasure a dossier of before it could not be verified, and says which record to take.
func TestErasedSince(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	_, size, err := s.make(agreementtest.Officer(), 0)
	agreementtest.Must(t, err)
	_, err = s.log.Erase(t.Context(), agreementtest.Officer(), 1, []string{"rules"}, "as the law demands")
	agreementtest.Must(t, err)
	_, _, err = s.make(agreementtest.Officer(), size)
	agreementtest.Refused(t, "before the erasure", err, schemas.Busy, "erased by record 7")
	b, _, err := s.make(agreementtest.Officer(), 0)
	agreementtest.Must(t, err)
	if !strings.Contains(unpacked(t, b)["index.html"], report.Erased) {
		t.Error("what was erased is not shown as that")
	}
}
