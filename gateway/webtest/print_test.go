package webtest

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// printWidth is that of a landscape sheet of A4 within its margins, in pixels of CSS.
const printWidth = 1032

// prints: reports are handed in on paper, so that nothing is cut there: no page is wider than the sheet, no part of
// one scrolls, and the heads of tables stand on each sheet, in both languages.
func prints(t *testing.T, s *Site) {
	for _, r := range []Reader{{}, {Language: "fr", Dark: true}} {
		p := s.Visit(t, r)
		p.Go("/me")
		p.clickAt(`//main//button[normalize-space(.)="Example AI Factory"]`, "the issuer")
		p.choose("officer")
		p.do("take a sheet of paper",
			call(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"}),
			call(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: printWidth, Height: 700, DeviceScaleFactor: 1}))
		for _, path := range []string{"/reports/permits", "/reports/project?project=crop-yield-2027", "/reports/processing", "/reports/refusals",
			"/reports/demand", "/reports/sample?size=20&seed=print", "/record/1"} {
			p.Go(path)
			if wide := p.overflow(); wide > 0 {
				t.Errorf("%+v %s: printed, the page is %d pixels wider than the sheet", r, path, wide)
			}
			cut, err := chromedp.Run(p.ctx, chromedp.Evaluate[string](`[...document.querySelectorAll("main *")].filter((e) =>
				e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && getComputedStyle(e).overflowX != "visible"
				|| e.tagName == "THEAD" && getComputedStyle(e).display != "table-header-group"
				|| e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 90)).slice(0, 5).join("\n")`))
			if err != nil || cut != "" {
				t.Errorf("%+v %s: printed, this is cut: %s %v", r, path, cut, err)
			}
			p.pdf(filepath.Join(os.Getenv("GUICHET_SCREENSHOTS"), "print-"+pictured("officer", path)+".pdf"), os.Getenv("GUICHET_SCREENSHOTS") != "")
		}
	}
}

// pdf prints the page as a browser does, and keeps it where that is wanted.
func (p *Person) pdf(file string, keep bool) {
	p.t.Helper()
	yes := true
	r, err := chromedp.Run(p.ctx, func(ctx context.Context, t *chromedp.Target) (page.PrintToPDFResult, error) {
		return cdp.Call(ctx, t, page.PrintToPDF, page.PrintToPDFParams{PreferCSSPageSize: &yes})
	})
	if err == nil && keep {
		err = os.WriteFile(file, r.Data, 0o600)
	}
	if err != nil || !bytes.HasPrefix(r.Data, []byte("%PDF-")) {
		p.t.Errorf("%s cannot be printed: %v", p.Path(), err)
	}
}
