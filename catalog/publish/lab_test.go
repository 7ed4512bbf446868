package publish

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"guichet/catalog"
	"guichet/connectors/db"
	"guichet/connectors/db/dbtest"
	"guichet/connectors/s3"
	"guichet/connectors/s3/s3test"
	"guichet/connectors/sandbox"
	"guichet/schemas"
	"guichet/schemas/spaces"
)

func TestMain(m *testing.M) {
	if sandbox.Main(os.Args) {
		return
	}
	os.Exit(m.Run())
}

// The people of these tests: two providers, each with a prefix named after it.
var (
	agronomy = schemas.Principal{Issuer: "https://login.example", Subject: "ann", Participant: "https://agronomy.example"}
	grid     = schemas.Principal{Issuer: "https://login.example", Subject: "gus", Participant: "https://grid.example"}
)

const (
	provided = "data" // bucket of the providers' objects
	worked   = "work" // bucket of what is rewritten
	wheat    = "spaces/agronomy/wheat/"
)

// lab is a publisher over a registry, a store in memory and real child processes.
type lab struct {
	*Publisher
	t      *testing.T
	db     *db.DB
	bucket *s3test.Server
	reads  *reads
}

// reads counts the objects that children were given, and may hold them up.
type reads struct {
	mu    sync.Mutex
	names []string
	hold  func(ctx context.Context, name string) // nil: nothing is held up
}

// counted is a Reader that counts.
type counted struct {
	Reader
	reads *reads
}

func (c counted) Conform(ctx context.Context, in *os.File, size int64, spec sandbox.Spec, out *os.File) (sandbox.Report, error) {
	c.reads.mu.Lock()
	c.reads.names = append(c.reads.names, spec.Name)
	hold := c.reads.hold
	c.reads.mu.Unlock()
	if hold != nil {
		hold(ctx, spec.Name)
	}
	return c.Reader.Conform(ctx, in, size, spec, out)
}

func newLab(t *testing.T, change ...func(c *Config)) *lab {
	t.Helper()
	database := dbtest.Open(t, dbtest.SQLite)
	spaces, err := spaces.Profiles()
	must(t, err)
	l := &lab{t: t, db: database, bucket: s3test.New(t, provided, worked), reads: &reads{}}
	store, err := s3.New("lab", l.bucket.URL, "eu", s3.Credentials{AccessKey: "a", SecretKey: "b"}, s3.Idle(2*time.Second))
	must(t, err)
	exe, err := os.Executable()
	must(t, err)
	children := sandbox.New(exe, sandbox.Limits{})
	registry := catalog.New(
		catalog.Config{DB: database, Spaces: spaces, CheckOffer: func(context.Context, *schemas.Offer, []schemas.TableInfo) error { return nil }},
	)
	own := func(p schemas.ParticipantID) string {
		return "spaces/" + strings.TrimSuffix(strings.TrimPrefix(string(p), "https://"), ".example") + "/"
	}
	c := Config{
		Catalog: registry, DB: database, Log: slog.New(slog.DiscardHandler), TempDir: t.TempDir(),
		MayName: func(_ context.Context, p schemas.ParticipantID, _ schemas.StoreID, _, key string) error {
			if strings.HasPrefix(key, own(p)) || strings.HasPrefix(key, schemas.UploadPrefix(p)) {
				return nil
			}
			return schemas.Refuse(
				key,
				"store.prefix",
				"prefixes of stores",
				fmt.Sprintf("the key %q is under no prefix of yours", key),
				"ask the operator",
			)
		},
		Prefix: func(_ context.Context, p schemas.ParticipantID, _ schemas.StoreID, _, _ string) (string, error) {
			return own(p), nil
		},
		Store: func(context.Context, schemas.StoreID) (*s3.Store, error) { return store, nil },
		Work:  func(context.Context) (schemas.StoreID, string, error) { return "lab", worked, nil },
		Readers: func() Reader {
			return counted{children.Group(), l.reads}
		},
	}
	for _, f := range change {
		f(&c)
	}
	l.Publisher = New(c)
	return l
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run runs the publisher until the test ends.
func (l *lab) run() *lab {
	ctx, stop := context.WithCancel(context.WithoutCancel(l.t.Context()))
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	l.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			l.t.Error(err)
		}
	})
	return l
}

// dataset registers one of agronomy's, with the tables that it describes.
func (l *lab) dataset(tables ...schemas.TableInfo) schemas.DatasetID {
	l.t.Helper()
	d, err := l.Catalog.Register(l.t.Context(), agronomy, schemas.Dataset{
		Title: schemas.Text{
			"en": "Wheat",
		}, Description: schemas.Text{"en": "Yields of plots."}, Space: "agriculture", Provider: agronomy.Participant,
		Licence: "CC-BY-4.0", Countries: []string{"FR"}, Tables: tables,
	})
	must(l.t, err)
	return d.ID
}

// put lays objects into the provider's folder: name, text, name, text.
func (l *lab) put(pairs ...string) {
	for i := 0; i+1 < len(pairs); i += 2 {
		l.bucket.Put(provided, wheat+pairs[i], []byte(pairs[i+1]))
	}
}

// of is a publication of one table, "plots", from keys of the provider's folder, or of a
// prefix where the only name ends with a slash.
func of(version string, names ...string) schemas.Publication {
	s := schemas.PublicationSplit{}
	for _, name := range names {
		s.Keys = append(s.Keys, wheat+name)
	}
	if len(names) == 1 && strings.HasSuffix(names[0], "/") {
		s.Keys, s.Prefix = nil, strings.TrimSuffix(wheat+names[0], "./")
	}
	return schemas.Publication{Version: schemas.VersionID(version), Store: "lab", Bucket: provided,
		Tables: []schemas.PublicationTable{{Name: "plots", Splits: []schemas.PublicationSplit{s}}}}
}

// published publishes and waits for the end, whatever it is.
func (l *lab) published(id schemas.DatasetID, p schemas.Publication) schemas.Version {
	l.t.Helper()
	s, err := l.Publish(l.t.Context(), agronomy, id, p)
	must(l.t, err)
	return l.ended(id, s.Version)
}

// ended waits until a version is published no more.
func (l *lab) ended(id schemas.DatasetID, version schemas.VersionID) schemas.Version {
	l.t.Helper()
	return l.until(id, version, func(v *schemas.Version) bool { return v.State != schemas.VersionPublishing })
}

// until waits until a version is as it should be.
func (l *lab) until(id schemas.DatasetID, version schemas.VersionID, is func(v *schemas.Version) bool) schemas.Version {
	l.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		v, err := l.Catalog.Version(l.t.Context(), id, version)
		must(l.t, err)
		if is(&v) {
			return v
		}
		if time.Now().After(deadline) {
			l.t.Fatalf("version %s stays %+v", version, v.VersionSummary)
		}
		time.Sleep(10 * time.Millisecond) // the publisher's pace
	}
}

// keys are the objects of a version, as their provider named them.
func keys(v *schemas.Version) string {
	var out []string
	for s := range v.EveryShard() {
		out = append(out, strings.TrimPrefix(given(s).Key, wheat))
	}
	return strings.Join(out, " ")
}

func said(list []schemas.FieldError) string {
	var b strings.Builder
	for _, f := range list {
		fmt.Fprintf(&b, "%s: %s\n", strings.TrimPrefix(f.Pointer, wheat), f.Message)
	}
	return b.String()
}
