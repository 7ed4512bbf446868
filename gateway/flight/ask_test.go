package flight

import (
	"strings"
	"testing"
	"time"

	pb "github.com/apache/arrow/go/v17/arrow/flight/gen/flight"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"

	"guichet/schemas"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestReadPath(t *testing.T) {
	for _, c := range []struct {
		name string
		path []string
		want string // a word of the refusal; "" is none
	}{
		{"all keys", []string{"agr-a", "table=t", "split=all", "version=v1", "even=pad", "lane=1@2", "block=9", "world=3", "rank=2", "seed=18446744073709551615", "epoch=1", "from=4", "order=2", "shuffle=rows", "start=5@6,7@8", "columns=a,b", "run=run-a"}, ""},
		{"only the agreement", []string{"agr-a"}, ""},
		{"nothing", nil, "begins with the agreement"},
		{"no key", []string{"agr-a", "table"}, "key=value"},
		{"unknown", []string{"agr-a", "tabel=t"}, `"tabel"`},
		{"twice", []string{"agr-a", "rank=0", "rank=1"}, "twice"},
		{"bad number", []string{"agr-a", "from=-1"}, "from"},
		{"rank outside", []string{"agr-a", "world=2", "rank=2"}, "world of 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := readPath(c.path)
			if c.want == "" && err != nil || c.want != "" && (schemas.KindOf(err) != schemas.Invalid || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestTicket(t *testing.T) {
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	d := &Door{Key: []byte(strings.Repeat("k", 32)), Now: func() time.Time { return now }}
	a, err := readPath([]string{"agr-a", "rank=1", "world=2", "table=t"})
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := d.seal(a, now.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	again, err := d.open(sealed.Ticket)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a.values, again.values); diff != "" || again.agreement != "agr-a" || again.ask.Rank != 1 {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i := range sealed.Ticket {
		b := append([]byte(nil), sealed.Ticket...)
		b[i] ^= 1
		_, err := d.open(b)
		if schemas.KindOf(err) != schemas.Invalid {
			t.Fatalf("a ticket with byte %d changed: %v", i, err)
		}
	}
	other := &Door{Key: []byte(strings.Repeat("l", 32)), Now: d.Now}
	_, err = other.open(sealed.Ticket)
	if schemas.KindOf(err) != schemas.Invalid {
		t.Errorf("another gateway's ticket: %v", err)
	}
	if err := d.over(again); err != nil {
		t.Errorf("a ticket that is good: %v", err)
	}
	now = now.Add(time.Minute)
	err = d.over(again)
	if schemas.KindOf(err) != schemas.Precondition || !strings.Contains(err.Error(), "2027-01-01T00:01:00Z") {
		t.Errorf("a ticket that is over: %v", err)
	}
}

func FuzzTicket(f *testing.F) {
	d := &Door{Key: []byte(strings.Repeat("k", 32)), Now: time.Now}
	f.Add([]byte{})
	f.Add([]byte(strings.Repeat("x", 40)))
	f.Fuzz(func(t *testing.T, p []byte) {
		_, err := d.open(p)
		if err == nil {
			t.Error("a made-up ticket opens")
		}
	})
}

// Frames that are encoded in place read like FlightData.
func TestFrame(t *testing.T) {
	for _, body := range []int{0, 8, smallBody, 3 << 20} {
		f := &frame{header: []byte("header"), app: []byte("app"), body: make([]byte, body)}
		for i := range f.body {
			f.body[i] = byte(i)
		}
		out, err := codec{}.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		if out.Len() != f.size() {
			t.Errorf("body of %d: %d bytes, said %d", body, out.Len(), f.size())
		}
		var got pb.FlightData
		err = encoding.GetCodecV2("proto").Unmarshal(mem.BufferSlice{mem.SliceBuffer(out.Materialize())}, &got)
		if err != nil {
			t.Fatal(err)
		}
		if string(got.DataHeader) != "header" || string(got.AppMetadata) != "app" || string(got.DataBody) != string(f.body) {
			t.Errorf("body of %d: came out as %d", body, len(got.DataBody))
		}
		out.Free()
		f.wait() // it would hang if freeing did not tell
	}
}
