package s3face

import (
	"bytes"
	"context"
	"encoding/xml"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/minio/minio-go/v7/pkg/signer"
	"go.uber.org/goleak"

	"guichet/connectors/db/dbtest"
	"guichet/gateway/door"
	"guichet/gateway/stream"
	"guichet/gateway/stream/streamtest"
	"guichet/policy/agreement/agreementtest"
	"guichet/policy/agreement/lease"
	"guichet/policy/agreement/refusal"
	"guichet/policy/agreement/release"
	"guichet/policy/agreement/stop"
	"guichet/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// lab is a door over one table in three shards, in this process.
type lab struct {
	*streamtest.Table
	world  *agreementtest.World
	leases *lease.Leases
	door   *Door
	server *httptest.Server
	shards []arrow.Record
	stops  *stop.Stops
	calls  chan Call // of all requests
}

// newLab makes one; its clock is now.
func newLab(t *testing.T, now func() time.Time) *lab {
	t.Helper()
	shards := []arrow.Record{streamtest.Padded(0, 300), streamtest.Padded(300, 200), streamtest.Padded(500, 10)}
	l := &lab{Table: streamtest.New(t, 64, shards...), shards: shards, calls: make(chan Call, 1000)}
	l.Version.Published = time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	l.Own.Store(true)
	database := dbtest.Open(t, dbtest.SQLite)
	l.world = agreementtest.New(t, database, 0, 0)
	log := slog.New(slog.DiscardHandler)
	brake := stop.NewBrake(database, nil)
	a := l.world.Agreements
	l.stops = stop.New(a, brake)
	l.leases = lease.New(lease.Config{Agreements: a, Catalogue: l.world.Shelf, Brake: brake, Key: bytes.Repeat([]byte{1}, 32)})
	engine := stream.New(stream.Config{
		Manifest: func(_ context.Context, id schemas.DatasetID, _ schemas.VersionID) (schemas.Version, error) {
			v := l.Version
			v.Dataset = id
			return v, nil
		},
		MayName: func(context.Context, schemas.ParticipantID, schemas.StoreID, string, string) error { return nil },
		Work: func(context.Context) (schemas.StoreID, string, error) {
			return "", "", schemas.Errorf(schemas.Unavailable, "store", "there is no work bucket in this test")
		},
		Store: l.Open, MasterKey: streamtest.MasterKey(), TempDir: t.TempDir(), Log: log, Feed: &streamtest.Feed{},
		Releases: release.New(release.Config{Agreements: a, Brake: brake, Replica: "r"}),
	})
	l.door = &Door{
		Leases: l.leases, Refusals: refusal.New(database, l.leases.Find, nil), Stream: engine, Log: log, Now: now,
		Address: func(*http.Request) netip.Addr { return netip.MustParseAddr("192.0.2.1") },
		Ended:   func(c Call) { l.calls <- c },
	}
	l.server = httptest.NewUnstartedServer(l.door)
	l.server.Config.ConnContext = door.ConnContext
	l.server.Start()
	t.Cleanup(func() {
		l.server.Close()
		engine.Shutdown(context.Background())
	})
	return l
}

// agreed is an agreement on one of the World's datasets, under duties.
func (l *lab) agreed(t *testing.T, dataset schemas.DatasetID, duties ...schemas.Duty) schemas.AgreementID {
	t.Helper()
	return l.world.Agree(t, dataset, func(a *schemas.Agreement) { a.Obligations = duties }).ID
}

// leased is a lease on agreements, which an ask may narrow.
func (l *lab) leased(t *testing.T, ask schemas.LeaseAsk, ids ...schemas.AgreementID) schemas.LeaseID {
	t.Helper()
	for _, id := range ids {
		ask.Items = append(ask.Items, schemas.LeaseItem{Agreement: id})
	}
	a, err := l.leases.Mint(t.Context(), agreementtest.Trainer(), ask)
	streamtest.Must(t, err)
	return a.Lease.ID
}

// revoked ends an agreement.
func (l *lab) revoked(t *testing.T, id schemas.AgreementID) {
	t.Helper()
	_, err := l.stops.Revoke(t.Context(), agreementtest.Owner(), id, "by mistake")
	streamtest.Must(t, err)
}

// answered is an answer that was read whole.
type answered struct {
	*http.Response
	body []byte
}

// ask sends a request that is signed with a lease's key.
func (l *lab) ask(t *testing.T, key schemas.LeaseID, method, target string, header http.Header) answered {
	t.Helper()
	r, err := http.NewRequest(method, l.server.URL+target, nil)
	streamtest.Must(t, err)
	for k, v := range header {
		r.Header[k] = v
	}
	r.Header.Set(contentSHA256, emptyHash)
	id, secret := l.leases.S3KeyOf(key)
	return l.send(t, signer.SignV4(*r, id, secret, "", "eu-test-1"))
}

func (l *lab) send(t *testing.T, r *http.Request) answered {
	t.Helper()
	resp, err := l.server.Client().Do(r)
	streamtest.Must(t, err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	streamtest.Must(t, err)
	return answered{resp, b}
}

// code is the code of an error document.
func (a answered) code(t *testing.T) (code, message string) {
	t.Helper()
	var e errorBody
	err := xml.Unmarshal(a.body, &e)
	if err != nil || e.RequestID != a.Header.Get("x-amz-request-id") || e.RequestID == "" {
		t.Errorf("%s: %v: %q", a.Status, err, a.body)
	}
	return e.Code, e.Message
}

// list reads a list.
func (l *lab) list(t *testing.T, key schemas.LeaseID, target string) listed {
	t.Helper()
	a := l.ask(t, key, http.MethodGet, target, nil)
	var out listed
	err := xml.Unmarshal(a.body, &out)
	if err != nil || a.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v %s", target, a.Status, err, a.body)
	}
	return out
}
