package maker

import (
	"fmt"
	"math"
)

const (
	gridCompany = "Northern Grid Cooperative"
	quarter     = 900 // seconds
	power       = "http://qudt.org/vocab/quantitykind/Power"
	temperature = "http://qudt.org/vocab/quantitykind/Temperature"
)

// energy lists the datasets of the invented grid operator.
func energy() []dataset {
	return []dataset{householdLoad(), feedIn(), substations(), heatPumps()}
}

func householdLoad() dataset {
	const steps = 35136 // quarter hours of 2024
	return dataset{
		provider: "grid", slug: "household-load-curves", space: "energy", template: "research-and-development",
		title: text{
			"en": "Household load curves, quarter-hourly", "de": "Lastgänge von Haushalten, viertelstündlich", "fr": "Courbes de charge des ménages, au quart d'heure",
		},
		description: text{
			"en": "One year of electricity drawn by metered households, with household size and heating. Test meters occur in no training shard.",
			"de": "Ein Jahr Strombezug gemessener Haushalte mit Haushaltsgröße und Heizungsart. Testzähler kommen in keinem Trainingsteil vor.",
			"fr": "Une année de soutirage électrique de ménages équipés de compteurs, avec taille du ménage et chauffage.",
		},
		keywords: []string{"electricity", "load profile", "smart meter", "household"}, themes: []string{"ENER"},
		countries: []string{"DE", "DK"}, languages: []string{"en"}, publisher: gridCompany, licence: "https://grid.example/licences/metering",
		from: "2024-01-01", until: "2024-12-31", weight: 30,
		tables: []table{
			{
				name: "load", title: text{"en": "Load", "de": "Last"}, format: formatArrow, share: 1, splits: trainTest(),
				columns: []column{
					int64s("meter").private("quasi"), instant("from"), num32("power").in("kW").of(power).says("Mean over the quarter hour", "Mittel der Viertelstunde"),
					num32("fed_in").in("kW").maybe().of(power).says("Own solar power, where there is any", "Eigener Solarstrom, wo vorhanden"),
				},
				rows: func(s *shard) func(*row, int64) {
					r, t := s.rand(), s.traits()
					from := start(2024, 1, 1)
					return func(w *row, i int64) {
						meter, at := i/steps, from+i%steps*quarter
						h := hour(at)
						if weekend(at) {
							h -= 1.2
						}
						persons := 1 + float64(int(4.6*t.of(meter, 1)))
						rhythm := 0.16 + 0.35*bump(h, 7.2, 1.1) + 0.22*bump(h, 12.4, 1.2) + 0.75*bump(h, 19, 2)
						load := rhythm * (0.35 + 0.22*persons) * (1 + 0.22*yearly(at, 15))
						if r.IntN(22) == 0 { // cooking, washing
							load += 0.4 + 1.6*r.Float64()
						}
						w.whole(47110000 + meter)
						w.whole(at)
						w.num(round(math.Max(0.02, load*(1+0.18*r.NormFloat64())), 3))
						if t.of(meter, 2) > 0.3 {
							w.null()
							return
						}
						w.num(round(solar(at, 30+20*t.of(meter, 3))*(0.25+0.75*r.Float64())*t.between(meter, 4, 3, 9), 3))
					}
				},
			},
			{
				name: "meters", title: text{"en": "Meters", "de": "Zähler"}, format: formatCSV, fixed: 400, splits: whole(),
				columns: []column{
					int64s("meter").private("quasi"), int8s("persons").private("quasi"), words("heating", 11), num32("solar_peak").in("kW").maybe(), words("postcode_area", 2).private("quasi"),
				},
				rows: func(s *shard) func(*row, int64) {
					t := s.traits()
					return func(w *row, i int64) {
						w.whole(47110000 + i)
						w.whole(1 + int64(4.6*t.of(i, 1)))
						w.text(t.pick(i, 5, []string{"gas", "gas", "heat pump", "district", "electricity"}))
						if t.of(i, 2) > 0.3 {
							w.null()
						} else {
							w.num(round(t.between(i, 4, 3, 9), 1))
						}
						w.text(fmt.Sprintf("%02d", 20+int(6*t.of(i, 6))))
					}
				},
			},
		},
	}
}

// solar is the clear-sky yield of a panel, 0 to 1, at a middle latitude;
// shift turns it a little, in minutes.
func solar(at int64, shift float64) float64 {
	length := 12 + 4.4*yearly(at, 172)
	noon := math.Abs(hour(at) - 11.4 - shift/120)
	if noon > length/2 {
		return 0
	}
	return math.Pow(math.Cos(math.Pi*noon/length), 1.4) * (0.68 + 0.3*yearly(at, 172))
}

func feedIn() dataset {
	const steps = 70176 // quarter hours of 2023 and 2024
	return dataset{
		provider: "grid", slug: "wind-and-solar-feed-in", space: "energy", template: "open-with-attribution",
		title: text{
			"en": "Wind and solar feed-in by plant", "de": "Einspeisung aus Wind und Sonne je Anlage", "da": "Indfødning fra vind og sol pr. anlæg",
		},
		description: text{
			"en": "Quarter-hourly feed-in of wind parks and solar fields with the wind speed and irradiance of the nearest weather cell and the curtailment ordered.",
			"de": "Viertelstündliche Einspeisung von Windparks und Solarfeldern mit Windgeschwindigkeit und Einstrahlung der nächsten Wetterzelle und angeordneter Abregelung.",
			"da": "Kvartersværdier for indfødning fra vindparker og solcelleanlæg med vindhastighed, indstråling og nedregulering.",
		},
		keywords: []string{"wind power", "solar power", "feed-in", "forecast", "curtailment"}, themes: []string{"ENER", "ENVI"},
		countries: []string{"DE", "DK", "SE"}, languages: []string{"en"}, publisher: gridCompany, licence: "CC-BY-4.0",
		from: "2023-01-01", until: "2024-12-31", weight: 26,
		tables: []table{{
			name: "feed_in", title: text{"en": "Feed-in", "de": "Einspeisung"}, format: formatArrow, share: 1, splits: trainTest(),
			columns: []column{
				int32s("plant"), words("kind", 5), instant("from"), num32("wind_speed").in("m/s").of("http://qudt.org/vocab/quantitykind/Speed"),
				num32("irradiance").in("W/m2").of("http://qudt.org/vocab/quantitykind/Irradiance"), num32("feed_in").in("MW").of(power), num32("curtailed").in("MW").maybe().of(power),
			},
			rows: func(s *shard) func(*row, int64) {
				r, t := s.rand(), s.traits()
				from := start(2023, 1, 1)
				return func(w *row, i int64) {
					plant, at := i/steps, from+i%steps*quarter
					days := float64(at) / 86400
					wind := math.Max(0, 7.4+1.8*yearly(at, 10)+2.6*math.Sin(days/1.9+5*t.of(plant, 1))+1.7*math.Sin(days/0.63)+0.8*r.NormFloat64())
					sky := 0.35 + 0.65*math.Abs(math.Sin(days/2.7+3*t.of(plant, 2)))
					sun := 980 * solar(at, 0) * sky
					peak, kind := t.between(plant, 3, 12, 80), "wind"
					out := peak * math.Min(1, math.Pow(math.Max(0, wind-3)/9, 2.2))
					if wind > 25 {
						out = 0
					}
					if plant%3 == 1 {
						kind, out = "solar", peak*sun/1000
					}
					w.whole(300 + plant)
					w.text(kind)
					w.whole(at)
					w.num(round(wind, 1))
					w.num(round(sun, 0))
					w.num(round(out*(1-0.02*r.Float64()), 2))
					if out > 0.8*peak && r.IntN(3) == 0 {
						w.num(round(0.3*out*r.Float64(), 2))
					} else {
						w.null()
					}
				}
			},
		}},
	}
}

func substations() dataset {
	const steps = 52704 // ten minutes of 2024
	return dataset{
		provider: "grid", slug: "transformer-condition", space: "energy", template: "ask-the-holder",
		title: text{
			"en": "Transformer condition monitoring", "nl": "Toestandsbewaking van transformatoren", "sv": "Tillståndsövervakning av transformatorer",
		},
		description: text{
			"en": "Oil temperature, dissolved gas and load of medium-voltage transformers with the faults found at inspection. Part of critical infrastructure: every request is looked at.",
			"nl": "Olietemperatuur, opgeloste gassen en belasting van middenspanningstransformatoren met gevonden gebreken. Elke aanvraag wordt beoordeeld.",
			"sv": "Oljetemperatur, lösta gaser och last i transformatorer med fel funna vid besiktning.",
		},
		keywords: []string{"transformer", "condition monitoring", "predictive maintenance"}, themes: []string{"ENER", "TECH"},
		countries: []string{"NL", "SE", "DE"}, languages: []string{"en"}, publisher: gridCompany, licence: "https://grid.example/licences/infrastructure",
		from: "2024-01-01", until: "2024-12-31", weight: 16,
		tables: []table{
			{
				name: "sensors", title: text{"en": "Sensor readings", "sv": "Mätvärden"}, format: formatArrow, share: 1, splits: trainTest(),
				columns: []column{
					int32s("transformer"), instant("at"), num32("oil_temperature").in("Cel").of(temperature), num32("load").in("%"),
					num32("hydrogen").in("[ppm]").maybe(), num32("acetylene").in("[ppm]").maybe(), flag("alarm"),
				},
				rows: func(s *shard) func(*row, int64) {
					r, t := s.rand(), s.traits()
					from := start(2024, 1, 1)
					return func(w *row, i int64) {
						unit, step := i/steps, i%steps
						at := from + step*600
						load := 38 + 18*bump(hour(at), 19, 3) + 9*yearly(at, 15) + 5*r.NormFloat64()
						ageing := t.of(unit, 1) * float64(step) / steps
						w.whole(8000 + unit)
						w.whole(at)
						w.num(round(22+0.55*load+9*yearly(at, 205)+r.NormFloat64(), 1))
						w.num(round(math.Max(0, load), 1))
						if step%36 != 0 { // a gas sample every six hours
							w.null()
							w.null()
						} else {
							w.num(round(18+90*ageing*ageing+2*r.NormFloat64(), 1))
							w.num(round(math.Max(0, 4*ageing-2.4+0.2*r.NormFloat64()), 2))
						}
						w.yes(ageing > 0.9 && r.IntN(20) == 0)
					}
				},
			},
			{
				name: "units", title: text{"en": "Transformers", "sv": "Transformatorer"}, format: formatCSV, fixed: 60, splits: whole(),
				columns: []column{int32s("transformer"), int16s("built"), num32("rating").in("MV.A"), words("oil", 9), words("finding", 18).maybe()},
				rows: func(s *shard) func(*row, int64) {
					t := s.traits()
					return func(w *row, i int64) {
						w.whole(8000 + i)
						w.whole(1968 + int64(54*t.of(i, 2)))
						w.num([]float64{16, 25, 31.5, 40}[int(4*t.of(i, 3))])
						w.text(t.pick(i, 4, []string{"mineral", "ester", "synthetic"}))
						if t.of(i, 1) > 0.8 {
							w.text(t.pick(i, 5, []string{"hot spot", "partial discharge", "bushing leak"}))
						} else {
							w.null()
						}
					}
				},
			},
		},
	}
}

func heatPumps() dataset {
	const steps = 8784
	return dataset{
		provider: "grid", slug: "heat-pump-field-study", space: "energy", template: "research-only",
		title: text{
			"en": "Heat pump field study", "sv": "Fältstudie av värmepumpar", "fi": "Lämpöpumppujen kenttätutkimus",
		},
		description: text{
			"en": "Hourly electricity, heat and temperatures of heat pumps in lived-in houses, for studies of efficiency and flexibility.",
			"sv": "El, värme och temperaturer per timme för värmepumpar i bebodda hus.",
			"fi": "Lämpöpumppujen sähkö, lämpö ja lämpötilat tunneittain asutuissa taloissa.",
		},
		keywords: []string{"heat pump", "efficiency", "flexibility", "building"}, themes: []string{"ENER"},
		countries: []string{"SE", "FI"}, languages: []string{"en"}, publisher: gridCompany, licence: "CC-BY-NC-SA-4.0",
		from: "2024-01-01", until: "2024-12-31", weight: 10,
		tables: []table{{
			name: "hours", title: text{"en": "Hours", "sv": "Timmar"}, format: formatParquet, share: 1, splits: trainTest(),
			columns: []column{
				int32s("house").private("quasi"), instant("hour"), num32("outdoor").in("Cel").of(temperature), num32("flow").in("Cel").maybe().of(temperature),
				num32("electricity").in("kW.h").of("http://qudt.org/vocab/quantitykind/Energy"), num32("heat").in("kW.h").of("http://qudt.org/vocab/quantitykind/Energy"),
			},
			rows: func(s *shard) func(*row, int64) {
				r, t := s.rand(), s.traits()
				from := start(2024, 1, 1)
				return func(w *row, i int64) {
					house, at := i/steps, from+i%steps*3600
					outdoor := 4.5 + 11.5*yearly(at, 203) + 3*bump(hour(at), 15, 4) + 4*math.Sin(float64(at)/86400/3.7) + r.NormFloat64()
					heat := math.Max(0.1, (17-outdoor)*t.between(house, 1, 0.12, 0.3)) * (0.8 + 0.4*r.Float64())
					flow := 30 + 0.6*math.Max(0, 17-outdoor) + t.between(house, 2, -3, 8)
					factor := math.Max(1.6, 5.6-0.075*(flow-outdoor)+t.between(house, 3, -0.4, 0.4))
					w.whole(70 + house)
					w.whole(at)
					w.num(round(outdoor, 1))
					if r.IntN(60) == 0 {
						w.null()
					} else {
						w.num(round(flow, 1))
					}
					w.num(round(heat/factor, 3))
					w.num(round(heat, 3))
				}
			},
		}},
	}
}
