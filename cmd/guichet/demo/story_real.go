package demo

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"guichet/cmd/guichet/files"
	"guichet/cmd/guichet/terminal"
	"guichet/schemas"
)

// RealData is one real set of the shared folder, as its provider would register it.
type RealData struct {
	Persona string
	Dataset schemas.Dataset
	Files   []string // TABLE[/SPLIT]=FILE below shared/data
}

// SharedFiles is where real data files lie: GUICHET_SHARED; "" is nowhere.
func SharedFiles() string {
	dir := os.Getenv("GUICHET_SHARED")
	_, err := os.Stat(filepath.Join(dir, "data", "SOURCE.md"))
	if dir == "" || err != nil {
		return ""
	}
	return dir
}

// numbers describes columns of a German market data file, whose names end with their
// unit.
func numbers(names ...string) []schemas.Field {
	var out []schemas.Field
	for _, n := range names {
		out = append(out, schemas.Field{Name: n + " [MWh]", Type: "float64", Unit: "MWh"})
	}
	return out
}

// RealDatasets describes the real sets of the four spaces.
func RealDatasets() []RealData {
	en := func(s string) schemas.Text { return schemas.Text{"en": s} }
	return []RealData{
		{
			"hospital",
			schemas.Dataset{
				IRI:       "https://doi.org/10.13026/t2y8-ea41",
				Space:     "health",
				Title:     en("MIMIC-IV demo events of 100 patients (MEDS)"),
				Licence:   "ODbL-1.0",
				Countries: []string{"US"},
				Themes:    []string{"HEAL"},
				Publisher: "PhysioNet",
				Keywords:  []string{"intensive care", "events"},
				Attribution: "van de Water et al. (2025), MIMIC-IV demo data in the Medical Event Data Standard (MEDS), version 0.0.1, PhysioNet. " +
					"Contains information from MIMIC-IV demo data in MEDS, which is made available under the ODbL.",
				Tables: []schemas.TableInfo{
					{Name: "events", Fields: []schemas.Field{{Name: "subject_id", Sensitivity: schemas.SensitivityIdentifies}}},
				},
			},
			[]string{"events=health/mimic-iv-demo-meds/mimic_iv_demo_meds_events.parquet"},
		},
		{
			"agronomy",
			schemas.Dataset{
				IRI:     "https://doi.org/10.23637/rbk1-yld6822-01",
				Space:   "agriculture",
				Title:   schemas.Text{"en": "Broadbalk winter wheat yields 1968–2022", "de": "Weizenerträge des Broadbalk-Versuchs 1968–2022"},
				Licence: "CC-BY-4.0",
				Countries: []string{
					"GB",
				},
				Themes:    []string{"AGRI"},
				Publisher: "Rothamsted Research",
				Keywords:  []string{"wheat", "yield", "long-term experiment"},
				Attribution: "Rothamsted Research (2023). Broadbalk Wheat Experiment wheat grain and straw yields 1968-2022. Electronic Rothamsted " +
					"Archive, https://doi.org/10.23637/rbk1-yld6822-01",
			},
			[]string{
				"yields=agriculture/rothamsted-broadbalk/1968-2022/yield_data.csv",
				"nitrogen=agriculture/rothamsted-broadbalk/1968-2022/n_factor_data.csv",
				"crops=agriculture/rothamsted-broadbalk/1968-2022/crop_types_data.csv",
			},
		},
		{
			"grid",
			schemas.Dataset{
				IRI:     "https://www.smard.de/luxembourg-2020",
				Space:   "energy",
				Title:   schemas.Text{"en": "Luxembourg's electricity by quarter-hours, 2020", "de": "Strom in Luxemburg in Viertelstunden, 2020"},
				Licence: "CC-BY-4.0",
				Countries: []string{
					"LU",
				},
				Themes:      []string{"ENER"},
				Publisher:   "SMARD",
				Keywords:    []string{"electricity", "load", "generation"},
				Attribution: "Bundesnetzagentur | SMARD.de",
				Tables: []schemas.TableInfo{
					{
						Name: "quarters",
						CSV:  &schemas.CSV{Delimiter: ";", DecimalChar: ","},
						Fields: numbers("Wasserkraft", "Sonstige Konventionelle", "Biomasse", "Wind Onshore", "Photovoltaik", "Erdgas",
							"Gesamtverbrauch (Netzlast)", "Residuallast"),
					},
				},
			},
			[]string{"quarters=energy/smard-luxembourg/smard_2020_complete.csv"},
		},
		{
			"transit",
			schemas.Dataset{
				IRI:     "https://data.gov.lv/dati/riga-gtfs",
				Space:   "mobility",
				Title:   schemas.Text{"en": "Rīga public transport timetable (GTFS)", "lv": "Rīgas satiksmes kustības saraksti"},
				Licence: "https://www.rigassatiksme.lv/en/about-us/publishable-information/open-data/",
				Countries: []string{
					"LV",
				},
				Themes:      []string{"TRAN"},
				Publisher:   "Rīgas satiksme",
				Keywords:    []string{"timetable", "GTFS", "stops"},
				Attribution: `RP SIA "Rīgas satiksme"`,
			},
			[]string{
				"agency=mobility/riga-gtfs/agency.txt",
				"calendar=mobility/riga-gtfs/calendar.txt",
				"calendar-dates=mobility/riga-gtfs/calendar_dates.txt",
				"routes=mobility/riga-gtfs/routes.txt",
				"shapes=mobility/riga-gtfs/shapes.txt",
				"stop-times=mobility/riga-gtfs/stop_times.txt",
				"stops=mobility/riga-gtfs/stops.txt",
				"trips=mobility/riga-gtfs/trips.txt",
			},
		},
	}
}

// real publishes the real sets by upload, as a provider does from a laptop.
func (s *Story) real(ctx context.Context) error {
	dir := SharedFiles()
	if dir == "" {
		s.say("   no folder with real files here (GUICHET_SHARED names one); the made ones are enough")
		return nil
	}
	for _, r := range RealDatasets() {
		began := time.Now()
		v, err := s.PublishReal(ctx, dir, r)
		if err != nil {
			return fmt.Errorf("%s: %w", terminal.Title(r.Dataset.Title), err)
		}
		s.say("   %-12s %-48s %9s rows %9s in %d tables, %s", r.Dataset.Space, terminal.Title(r.Dataset.Title),
			terminal.Count(v.Rows), terminal.Size(v.Bytes), v.Tables, time.Since(began).Round(time.Millisecond))
	}
	return nil
}

// PublishReal registers a real dataset and sends its files from this machine.
func (s *Story) PublishReal(ctx context.Context, dir string, r RealData) (schemas.VersionSummary, error) {
	var v schemas.VersionSummary
	c, err := s.As(ctx, r.Persona)
	if err != nil {
		return v, err
	}
	d, err := Registered(ctx, c, r.Dataset)
	if err != nil {
		return v, err
	}
	template := "open-with-attribution"
	if r.Dataset.Space == "health" {
		template = "health-with-review"
	}
	if d.Offer == nil {
		err = c.Do(ctx, http.MethodPut, "/datasets/"+string(d.ID)+"/offer", map[string]string{"template": template}, &d)
		if err != nil {
			return v, err
		}
	}
	p := schemas.Publication{Version: "real", Uploaded: true}
	if d.Latest == nil {
		var paths []string
		for _, f := range r.Files {
			table, path, _ := strings.Cut(f, "=")
			paths = append(paths, table+"="+filepath.Join(dir, "data", path))
		}
		found, err := files.FindUploads(paths)
		if err == nil {
			err = files.Send(ctx, s.t, c, string(d.ID), found, &p)
		}
		if err == nil {
			err = Once(c.Post(ctx, "/datasets/"+string(d.ID)+"/versions", p, nil))
		}
		if err != nil {
			return v, err
		}
	}
	v, err = c.WaitPublished(ctx, d.ID, p.Version, nil)
	s.datasets["real-"+r.Persona] = d
	return v, err
}
