package demo

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"guichet/catalog/harvest"
	"guichet/cmd/guichet/terminal"
	"guichet/connectors/client"
	"guichet/schemas"
)

// portal is the catalogue of another space, as portals give it.
const portal = `@prefix dcat: <http://www.w3.org/ns/dcat#> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> .
@prefix country: <http://publications.europa.eu/resource/authority/country/> .
@prefix licence: <http://publications.europa.eu/resource/authority/licence/> .
@prefix theme: <http://publications.europa.eu/resource/authority/data-theme/> .
<https://portal.example/soil> a dcat:Dataset ; dct:title "Soil moisture by field"@en, "Bodenfeuchte je Feld"@de ;
  dct:publisher [ a foaf:Agent ; foaf:name "Portal of another space" ] ; dct:spatial country:AUT ; dcat:theme theme:AGRI ;
  dcat:distribution [ a dcat:Distribution ; dcat:accessURL <https://portal.example/soil.csv> ; dct:license licence:CC_BY_4_0 ] .
<https://portal.example/trams> a dcat:Dataset ; dct:title "Tram positions"@en, "Positions des tramways"@fr ;
  dct:publisher [ a foaf:Agent ; foaf:name "Portal of another space" ] ; dct:spatial country:BEL ; dcat:theme theme:TRAN ;
  dcat:distribution [ a dcat:Distribution ; dcat:accessURL <https://portal.example/trams.json> ; dct:license licence:CC0 ] .
`

// harvested names a portal as a source; what it has is found beside all else, marked as held there.
func (s *Story) harvested(ctx context.Context) error {
	op, err := s.As(ctx, "operator")
	if err != nil {
		return err
	}
	at, err := s.openPortal(ctx)
	if err != nil {
		return err
	}
	source := harvest.Catalogue{ID: "neighbour", Title: "Portal of another space", URL: at}
	err = op.Post(ctx, "/sources", source, nil)
	if schemas.KindOf(err) == schemas.Conflict { // of an earlier start, when the portal was at another port
		var have harvest.Catalogue
		err = op.Get(ctx, "/sources/neighbour", &have)
		if err == nil {
			err = op.Post(ctx, "/sources", source, nil, client.IfMatch(have.Revision))
		}
	}
	if err != nil {
		return err
	}
	c, err := s.As(ctx, "trainer")
	if err != nil {
		return err
	}
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		f, err := s.searched(ctx, c, client.Query("q", "tramways", "project", "crop-yield-2027"))
		if err != nil {
			return err
		}
		if f.Total > 0 {
			h := f.Items[0]
			s.say("   %s: %d datasets of %s are found here %s after it was named", "guichet source add neighbour "+at,
				strings.Count(portal, "dcat:Dataset ;"), source.Title, time.Since(began).Round(10*time.Millisecond))
			s.say("     %-6s %-40s %s", terminal.Mark(h.Access), terminal.Title(h.Title), h.Links[0].URL)
			return nil
		}
		if time.Since(began) > time.Minute {
			return fmt.Errorf("what the portal has is not found after a minute")
		}
	}
}

// openPortal serves the portal until the demo ends.
func (s *Story) openPortal(ctx context.Context) (string, error) {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("open the portal: %w", err)
	}
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/all.ttl" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/turtle")
		_, _ = fmt.Fprint(w, portal) // who hangs up has enough
	})}
	go func() { _ = server.Serve(l) }() // until it is closed
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return "http://" + l.Addr().String() + "/all.ttl", nil
}
