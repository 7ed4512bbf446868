package doortest

import (
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"testing"

	"guichet/schemas"
)

// trailers: who asks for trailers gets the sum of the whole body, of an untouched and of a
// changed stream; who does not gets none.
func trailers(t *testing.T, r *Rig, _ []Door) {
	for name, duties := range map[string][]schemas.Duty{"raw": nil, "hidden": {{Kind: schemas.DutyHide, Columns: []string{"word"}}}, "filtered": {filterOn("n", "gteq", "100")}} {
		id, lease := r.Ready(t, "trailers-"+name, Open(duties...), FileOf(t, numbers(0, 9000)))
		for _, path := range []string{"/stream", "/stream?schema=only"} {
			for _, te := range []string{"", "trailers"} {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.HTTP+"/api/v1/agreements/"+string(id)+path, nil)
				must(t, err)
				req.Header.Set("Authorization", "Bearer "+lease)
				if te != "" {
					req.Header.Set("TE", te)
				}
				resp, err := http.DefaultClient.Do(req)
				must(t, err)
				b, err := io.ReadAll(resp.Body)
				must(t, err)
				resp.Body.Close()
				want := ""
				if te != "" {
					want = fmt.Sprintf("%08x", crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
				}
				equal(t, name+path+" TE: "+te, want, resp.Trailer.Get("Guichet-Crc32c"))
			}
		}
	}
}
