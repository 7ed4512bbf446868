package doortest

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/google/go-cmp/cmp"

	"guichet/connectors/client"
	"guichet/schemas"
)

// TestDoors runs everything against one rig; what ends the gateway comes last.
func TestDoors(t *testing.T) {
	if testing.Short() {
		t.Skip("not tested here: -short leaves the whole rig out")
	}
	r := Start(t, true)
	doors := Doors(t, r)
	t.Run("beside each other", func(t *testing.T) { // they wait for clocks, and touch nothing that others share
		for _, c := range []doorTest{
			{"same batches", sameBatches},
			{"leases that expire", leaseExpires},
			{"ranges of a shard", ranges},
			{"ranges at once", rangesAtOnce},
			{"ranges that fail", rangesFail},
			{"files of the trials", filesPublished},
			{"budget of one epoch", epochBudget},
			{"agreement ends", agreementEnds},
			{"equal to pyarrow", equalToPyarrow},
			{"every type opens", everyTypeOpens},
			{"read by polars and DuckDB", readByOthers},
			{"database away", databaseAway},
			{"clients that take nothing", silentClients},
		} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				c.test(t, r, doors)
			})
		}
	})
	for _, c := range []doorTest{
		{"refusals", refusals},
		{"leases", leases},
		{"rules that conflict", conflicts},
		{"columns of several tables", columnsOfTables},
		{"places", places},
		{"floods of refusals", floods},
		{"ranges revoked", rangesRevoked},
		{"resume inside a batch", resumeInside},
		{"uneven ranks", uneven},
		{"lanes of a rank", lanes},
		{"end of an epoch", epochEnd},
		{"messages over 4 MiB", large},
		{"null dictionaries", nullDictionaries},
		{"slices of views", slicesOfViews},
		{"row filter", rowFilter},
		{"trailers", trailers},
		{"heads", heads},
		{"schemas alone", schemasAlone},
		{"hidden columns", hidden},
		{"columns in the record", columnsRecorded},
		{"record reads whole", recordReadsWhole},
		{"nothing hidden shows", nothingHiddenShows},
		{"pseudonyms", pseudonyms},
		{"generalised", generalised},
		{"budget", budget},
		{"shared budget", sharedBudget},
		{"values leave with their rows", valuesWithRows},
		{"changed objects", changedObjects},
		{"downloads that clients cut", cutDownloads},
		{"store gone", storeGone},
		{"a store that lies", storeLies},
		{"a store that stalls", storeStalls},
		{"publishing from a store that lies", publishLies},
		{"publishing what may be published no more", publishLost},
		{"revoked", revoked},
		{"lease revoked", leaseRevoked},
		{"cuts seen by others", cutsSeen},
		{"rates", rates},
		{"nearly all of a stream", nearlyAll},
		{"Flight on the HTTP port", onePort},
		{"TLS", encrypted},
		{"terminated", terminated},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, r, doors) })
	}
}

// TestDoorsOfForeignStores: where the operator does not answer for the store, what it gives
// is compared with what was published before it leaves; clients see no difference.
func TestDoorsOfForeignStores(t *testing.T) {
	if testing.Short() {
		t.Skip("not tested here: -short leaves the whole rig out")
	}
	r := Start(t, false)
	doors := Doors(t, r)
	for _, c := range []doorTest{
		{"same batches", sameBatches},
		{"equal to pyarrow", equalToPyarrow},
		{"resume inside a batch", resumeInside},
		{"hidden columns", hidden},
		{"trailers", trailers},
		{"changed objects", changedObjects},
		{"store gone", storeGone},
		{"revoked", revoked},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, r, doors) })
	}
}

type doorTest struct {
	name string
	test func(t *testing.T, r *Rig, doors []Door)
}

// numbers is a record with n counting from first, a text and a dictionary.
func numbers(first, rows int) arrow.Record {
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "n", Type: arrow.PrimitiveTypes.Int64},
		{Name: "word", Type: arrow.BinaryTypes.String, Nullable: true},
		{Name: "colour", Type: &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}, Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	for i := first; i < first+rows; i++ {
		b.Field(0).(*array.Int64Builder).Append(int64(i))
		if i%7 == 3 {
			b.Field(1).AppendNull()
		} else {
			b.Field(1).(*array.StringBuilder).Append(fmt.Sprintf("word %d of many", i))
		}
		d := b.Field(2).(*array.BinaryDictionaryBuilder)
		if i%5 == 4 {
			d.AppendNull()
		} else {
			_ = d.AppendString([]string{"red", "green", "blue"}[i%3])
		}
	}
	return b.NewRecord()
}

// all reads a stream to its end.
func all(t *testing.T, d Door, lease string, id schemas.AgreementID, ask url.Values) []arrow.Record {
	t.Helper()
	recs, _, err := read(d, lease, id, ask)
	if err != nil {
		t.Fatalf("%s %v: %v", d.Name(), ask, err)
	}
	return recs
}

func read(d Door, lease string, id schemas.AgreementID, ask url.Values) (recs []arrow.Record, raw []byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	rd, err := d.Open(ctx, lease, id, ask)
	if err != nil {
		return nil, nil, err
	}
	defer rd.Close()
	for {
		rec, err := rd.Next()
		if err == io.EOF { //nolint:errorlint // Reading's contract
			return recs, rd.Raw(), nil
		}
		if err != nil {
			return recs, rd.Raw(), err
		}
		rec.Retain()
		recs = append(recs, rec)
	}
}

func texts(recs []arrow.Record) []string {
	out := []string{}
	for _, rec := range recs {
		out = append(out, Texts(rec)...)
	}
	return out
}

// ints is column n.
func ints(recs []arrow.Record) []int64 {
	out := []int64{}
	for _, rec := range recs {
		for i, f := range rec.Schema().Fields() {
			if f.Name == "n" {
				for row := range int(rec.NumRows()) {
					n, _ := strconv.ParseInt(rec.Column(i).ValueStr(row), 10, 64)
					out = append(out, n)
				}
			}
		}
	}
	return out
}

func upTo(n int) []int64 {
	out := make([]int64, n)
	for i := range out {
		out[i] = int64(i)
	}
	return out
}

func equal[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%.2000s", what, d)
	}
}

func sameBatches(t *testing.T, r *Rig, doors []Door) {
	shards := []arrow.Record{numbers(0, 3000), numbers(3000, 10), numbers(3010, 2500)}
	var files [][]byte
	for _, rec := range shards {
		files = append(files, FileOf(t, rec))
	}
	id, lease := r.Ready(t, "same", Open(), files...)
	var rows []int64
	for i, d := range doors {
		for _, ask := range []url.Values{{}, {"table": {"t"}, "split": {"all"}}, {"columns": {"n,colour"}}, {"version": {"v1"}}} {
			got := all(t, d, lease, id, ask)
			want := texts(shards)
			if ask.Get("columns") != "" {
				for j := range want {
					before, after, _ := strings.Cut(want[j], "word=")
					want[j] = before + after[strings.Index(after, "colour="):]
				}
			}
			equal(t, d.Name()+" "+ask.Encode(), want, texts(got))
			var per []int64
			for _, rec := range got {
				per = append(per, rec.NumRows())
			}
			if i == 0 {
				rows = per
			}
			equal(t, d.Name()+" rows per batch", rows, per)
		}
	}
	for _, rel := range settled(t, r, id) {
		if rel.State != schemas.ReleaseComplete || rel.Rows > rel.MostRows || rel.Bytes > rel.MostBytes {
			t.Errorf("release %+v", rel)
		}
	}
}

// refused opens, and wants a refusal of a kind with a word in it.
func refused(t *testing.T, d Door, lease string, id schemas.AgreementID, ask url.Values, kind schemas.Kind, word string) error {
	t.Helper()
	_, _, err := read(d, lease, id, ask)
	if schemas.KindOf(err) != kind || err == nil || !strings.Contains(err.Error(), word) {
		t.Errorf("%s %v: want %s with %q, got %v", d.Name(), ask, kind, word, err)
	}
	return err
}

func refusals(t *testing.T, r *Rig, doors []Door) {
	id, lease := r.Ready(t, "refusals", Open(schemas.Duty{Kind: schemas.DutyHide, Columns: []string{"word"}}), FileOf(t, numbers(0, 20)))
	_, other := r.Ready(t, "refusals-other", Open(), FileOf(t, numbers(0, 20)))
	for _, d := range doors {
		refused(t, d, "", id, nil, schemas.Unauthenticated, "lease")
		refused(t, d, lease[:len(lease)-4]+"AAAA", id, nil, schemas.Unauthenticated, "")
		refused(t, d, other, id, nil, schemas.NotFound, "")
		refused(t, d, lease, id, url.Values{"columns": {"word"}}, schemas.Denied, "hidden")
		refused(t, d, lease, id, url.Values{"columns": {"n,nothing"}}, schemas.Invalid, "nothing")
		refused(t, d, lease, id, url.Values{"table": {"u"}}, schemas.Invalid, "u")
		refused(t, d, lease, id, url.Values{"version": {"v9"}}, schemas.Denied, "version v1")
		if !d.Ranks() {
			continue
		}
		refused(t, d, lease, id, url.Values{"world": {"2"}, "rank": {"2"}}, schemas.Invalid, "rank")
		refused(t, d, lease, id, url.Values{"from": {"21"}}, schemas.Invalid, "20 rows")
		refused(t, d, lease, id, url.Values{"seed": {"x"}}, schemas.Invalid, "seed")
	}
	refused(t, doors[2], lease, id, url.Values{"nix": {"1"}}, schemas.Invalid, "nix")
}

func leases(t *testing.T, r *Rig, doors []Door) {
	id, token := r.Ready(t, "leases", Open(), FileOf(t, numbers(0, 20)))
	c := r.As(t, "trainer").As(client.Static(token))
	narrow := func(ask map[string]any) string {
		var l schemas.LeaseAnswer
		must(t, c.Post(context.Background(), "/leases", ask, &l))
		return l.Token
	}
	short := narrow(map[string]any{"until": time.Now().Add(1100 * time.Millisecond)})
	columns := narrow(map[string]any{"items": []schemas.LeaseItem{{Agreement: id, Version: "v1", Columns: []string{"n"}}}})
	ranked := narrow(map[string]any{"rank": 1, "world": 2})
	part := narrow(map[string]any{"rank": 1, "world": 2, "order": map[string]any{"seed": "5"}})
	for _, d := range doors {
		refused(t, d, columns, id, url.Values{"columns": {"word"}}, schemas.Denied, "word")
		equal(t, "narrowed columns", 1, len(all(t, d, columns, id, nil)[0].Schema().Fields()))
		if d.Ranks() {
			refused(t, d, ranked, id, url.Values{"world": {"2"}, "rank": {"0"}}, schemas.Denied, "rank")
			refused(t, d, part, id, url.Values{"world": {"2"}, "rank": {"1"}, "seed": {"6"}}, schemas.Denied, "seed=5")
			refused(t, d, part, id, url.Values{"world": {"2"}, "rank": {"1"}, "seed": {"5"}, "epoch": {"1"}}, schemas.Denied, "seed=5")
			equal(t, "one part", 10, len(ints(all(t, d, part, id, url.Values{"world": {"2"}, "rank": {"1"}, "seed": {"5"}}))))
			equal(t, "ranked", upTo(20)[10:], ints(all(t, d, ranked, id, url.Values{"world": {"2"}, "rank": {"1"}})))
		} else {
			refused(t, d, ranked, id, nil, schemas.Denied, "rank")
		}
	}
	Eventually(t, func() error {
		_, _, err := read(doors[0], short, id, nil)
		if err == nil {
			return fmt.Errorf("the short lease still opens")
		}
		return nil
	})
	for _, d := range doors {
		err := refused(t, d, short, id, nil, schemas.Unauthenticated, "20") // the time of its end
		e := fmt.Sprint(err)
		if !strings.Contains(e, "expired") && !strings.Contains(e, "ended") {
			t.Errorf("%s does not say that the lease is over: %v", d.Name(), err)
		}
	}
}

// shared finds a folder of the material that lies beside the checkout.
func shared(t *testing.T, name string) string {
	dir := os.Getenv("GUICHET_SHARED")
	if dir == "" {
		dir = filepath.Join(repository(t), "..", "shared")
	}
	dir = filepath.Join(dir, "reports", name)
	_, err := os.Stat(dir)
	if err != nil {
		Skip(t, "the files of %s are not there", name)
	}
	return dir
}

func filesIn(t *testing.T, dir string) [][]byte {
	names, err := filepath.Glob(filepath.Join(dir, "*.arrow*"))
	must(t, err)
	slices.Sort(names)
	var out [][]byte
	for _, n := range names {
		b, err := os.ReadFile(n)
		must(t, err)
		out = append(out, b)
	}
	return out
}
