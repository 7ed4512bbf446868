package maker

import (
	"fmt"
	"math"
)

const transitAgency = "Riverside Transit Authority"

// mobility lists the datasets of the invented transport authority.
func mobility() []dataset {
	return []dataset{busPunctuality(), bicycleCounters(), roadLoops(), ferryCalls()}
}

func busPunctuality() dataset {
	places := []string{"Market", "Harbour", "Old Bridge", "Hospital", "University", "Mill Lane", "North Station", "Castle", "Linden Square", "Waterworks"}
	return dataset{
		provider: "transit", slug: "bus-punctuality", space: "mobility", template: "open-with-attribution",
		title: text{
			"en": "City bus punctuality at stops", "de": "Pünktlichkeit der Stadtbusse an Haltestellen", "lv": "Pilsētas autobusu precizitāte pieturās",
		},
		description: text{
			"en": "Planned and actual departures of every bus at every stop, with boardings from door counters; stops and lines in a table of their own.",
			"de": "Geplante und tatsächliche Abfahrten jedes Busses an jeder Haltestelle mit Einsteigern aus Türzählern; Haltestellen in eigener Tabelle.",
			"lv": "Katra autobusa plānotie un faktiskie atiešanas laiki katrā pieturā un iekāpušo skaits; pieturas atsevišķā tabulā.",
		},
		keywords: []string{"bus", "timetable", "delay", "passengers", "public transport"}, themes: []string{"TRAN", "REGI"},
		countries: []string{"LV"}, languages: []string{"en", "lv"}, publisher: transitAgency, licence: "CC-BY-4.0",
		from: "2024-01-01", until: "2024-12-31", weight: 22,
		tables: []table{
			{
				name: "departures", title: text{"en": "Departures", "de": "Abfahrten"}, format: formatArrow, share: 1, splits: trainTest(),
				columns: []column{
					int64s("trip"), int16s("line"), int32s("stop"), instant("planned"), int32s("delay").in("s").maybe().says("Missing where the bus did not report", "Fehlt, wo der Bus nicht meldete"),
					int16s("boarded").maybe(), int16s("left").maybe(), flag("low_floor"),
				},
				rows: func(s *shard) func(*row, int64) {
					r, t := s.rand(), s.traits()
					from := start(2024, 1, 1)
					return func(w *row, i int64) {
						trip, stop := i/24, i%24
						date, run := trip/420%366, trip%420
						line := run % 14
						planned := from + date*86400 + 5*3600 + run/14*2340 + stop*140
						rush := bump(hour(planned), 7.8, 1.2) + bump(hour(planned), 16.9, 1.5)
						if weekend(planned) {
							rush /= 4
						}
						w.whole(trip + 1)
						w.whole(line + 1)
						w.whole(100 + line*24 + stop)
						w.whole(planned)
						if r.IntN(70) == 0 {
							w.null()
							w.null()
							w.null()
						} else {
							w.whole(int64(-20 + float64(stop)*(3+7*rush)*t.between(line, 1, 0.6, 1.5) + 45*r.NormFloat64()))
							w.whole(int64((1.5 + 11*rush) * r.ExpFloat64()))
							w.whole(int64((1.5 + 11*rush) * r.ExpFloat64()))
						}
						w.yes(t.of(trip%90, 2) > 0.12)
					}
				},
			},
			{
				name: "stops", title: text{"en": "Stops", "lv": "Pieturas"}, format: formatCSV, fixed: 336, splits: whole(),
				columns: []column{int32s("stop"), words("name", 24), num64("latitude").in("deg"), num64("longitude").in("deg"), flag("shelter")},
				rows: func(s *shard) func(*row, int64) {
					t := s.traits()
					return func(w *row, i int64) {
						w.whole(100 + i)
						w.text(fmt.Sprintf("%s %d", t.pick(i, 3, places), 1+i%24))
						w.num(round(56.88+0.14*t.of(i, 4), 5))
						w.num(round(23.98+0.3*t.of(i, 5), 5))
						w.yes(t.of(i, 6) > 0.4)
					}
				},
			},
		},
	}
}

func bicycleCounters() dataset {
	const steps = 17544 // hours of 2023 and 2024
	return dataset{
		provider: "transit", slug: "bicycle-counters", space: "mobility", template: "open-with-attribution",
		title: text{
			"en": "Bicycle counters, hourly", "nl": "Fietstellers, per uur", "de": "Fahrradzählstellen, stündlich",
		},
		description: text{
			"en": "Hourly counts by direction of induction loops in cycle paths with the weather of the hour.",
			"nl": "Tellingen per uur en richting van lussen in fietspaden, met het weer van dat uur.",
			"de": "Stündliche Zählungen je Richtung an Schleifen in Radwegen mit dem Wetter der Stunde.",
		},
		keywords: []string{"bicycle", "traffic count", "weather"}, themes: []string{"TRAN", "ENVI"},
		countries: []string{"LV", "NL"}, languages: []string{"en"}, publisher: transitAgency, licence: "CC0-1.0",
		from: "2023-01-01", until: "2024-12-31", weight: 8,
		tables: []table{{
			name: "counts", title: text{"en": "Counts", "nl": "Tellingen"}, format: formatParquet, share: 1, splits: whole(),
			columns: []column{
				int16s("counter"), instant("hour"), int32s("inbound"), int32s("outbound"), num32("temperature").in("Cel").of(temperature), num32("rain").in("mm").maybe(),
			},
			rows: func(s *shard) func(*row, int64) {
				r, t := s.rand(), s.traits()
				from := start(2023, 1, 1)
				return func(w *row, i int64) {
					counter, at := i/steps, from+i%steps*3600
					warm := 8 + 10*yearly(at, 203) + 4*bump(hour(at), 15, 4) + 2*r.NormFloat64()
					rain := 0.0
					if r.Float64() < 0.14 {
						rain = r.ExpFloat64()
					}
					level := t.between(counter, 1, 30, 260) * math.Max(0.15, 0.3+warm/26) / (1 + rain)
					in := 0.08 + bump(hour(at), 7.9, 0.9) + 0.4*bump(hour(at), 16.5, 2)
					out := 0.08 + bump(hour(at), 16.9, 1.3) + 0.3*bump(hour(at), 8.2, 1)
					if weekend(at) {
						in = 0.1 + 0.5*bump(hour(at), 14, 3)
						out = in
					}
					w.whole(1 + counter)
					w.whole(at)
					w.whole(int64(level * in * (0.8 + 0.4*r.Float64())))
					w.whole(int64(level * out * (0.8 + 0.4*r.Float64())))
					w.num(round(warm, 1))
					if r.IntN(90) == 0 {
						w.null()
					} else {
						w.num(round(rain, 1))
					}
				}
			},
		}},
	}
}

func roadLoops() dataset {
	const steps = 105408 // five minutes of 2024
	return dataset{
		provider: "transit", slug: "motorway-loops", space: "mobility", template: "research-only",
		title: text{
			"en": "Motorway loop detectors, five minutes", "fr": "Boucles de comptage autoroutières, cinq minutes", "de": "Autobahn-Zählschleifen, fünf Minuten",
		},
		description: text{
			"en": "Flow, speed and occupancy by lane from loops on a ring motorway, with lorries counted apart; for traffic research.",
			"fr": "Débit, vitesse et taux d'occupation par voie sur un périphérique, poids lourds comptés à part.",
			"de": "Verkehrsstärke, Geschwindigkeit und Belegung je Fahrstreifen auf einem Autobahnring, Lkw getrennt.",
		},
		keywords: []string{"traffic", "motorway", "loop detector", "congestion"}, themes: []string{"TRAN"},
		countries: []string{"LV", "LT"}, languages: []string{"en"}, publisher: transitAgency, licence: "CC-BY-NC-4.0",
		from: "2024-01-01", until: "2024-12-31", weight: 20,
		tables: []table{{
			name: "flows", title: text{"en": "Flows", "fr": "Débits"}, format: formatArrow, share: 1, splits: trainTest(),
			columns: []column{
				words("detector", 8), int8s("lane"), instant("from"), int16s("cars"), int16s("lorries"),
				num32("speed").in("km/h").maybe().of("http://qudt.org/vocab/quantitykind/Speed"), num32("occupancy").in("%"),
			},
			rows: func(s *shard) func(*row, int64) {
				r, t := s.rand(), s.traits()
				from := start(2024, 1, 1)
				return func(w *row, i int64) {
					lane, at := i/steps, from+i%steps*300
					site := lane / 3
					h := hour(at)
					level := 0.06 + 0.9*bump(h, 7.7, 1.3) + 0.45*bump(h, 12.5, 2.5) + bump(h, 17.1, 1.6)
					if weekend(at) {
						level = 0.05 + 0.55*bump(h, 14, 4)
					}
					cars := 150 * level * t.between(site, 1, 0.6, 1.15) * (0.9 + 0.2*r.Float64())
					lorries := 14 * bump(h, 11, 5) / float64(1+lane%3) * r.Float64()
					density := (cars + 2*lorries) / 175
					speed := 122 - 6*float64(lane%3) - 85*math.Pow(math.Min(1.05, density), 4) + 4*r.NormFloat64()
					w.text(fmt.Sprintf("A4-K%03d%c", 10+site*3%500, 'N'+byte(site%2)*5))
					w.whole(1 + lane%3)
					w.whole(at)
					w.whole(int64(cars))
					w.whole(int64(lorries))
					if int64(cars)+int64(lorries) == 0 {
						w.null()
					} else {
						w.num(round(math.Max(4, speed), 1))
					}
					w.num(round(math.Min(100, 100*density*18/math.Max(12, speed)), 1))
				}
			},
		}},
	}
}

func ferryCalls() dataset {
	ports := []string{"Ventava", "Saarsund", "Norrhamn", "Lielosta", "Kivisatama", "Ostsee-Tor"}
	return dataset{
		provider: "transit", slug: "ferry-port-calls", space: "mobility", template: "ask-the-holder",
		title: text{
			"en": "Ferry port calls and loads", "et": "Parvlaevade sadamakülastused ja koormus", "fi": "Lauttojen satamakäynnit ja kuormat",
		},
		description: text{
			"en": "Arrivals, departures, passengers and vehicles of ferries by port call, with sea state. Loads are commercial: the lines are asked.",
			"et": "Parvlaevade saabumised, väljumised, reisijad ja sõidukid sadamakülastuse kaupa.",
			"fi": "Lauttojen saapumiset, lähdöt, matkustajat ja ajoneuvot satamakäynneittäin.",
		},
		keywords: []string{"ferry", "port call", "passengers", "sea state"}, themes: []string{"TRAN", "ECON"},
		countries: []string{"EE", "FI", "LV", "SE"}, languages: []string{"en"}, publisher: transitAgency, licence: "https://transit.example/licences/ferry",
		from: "2022-01-01", until: "2024-12-31", weight: 5,
		tables: []table{{
			name: "calls", title: text{"en": "Port calls", "et": "Külastused"}, format: formatArrow, share: 1, splits: whole(),
			columns: []column{
				int64s("call"), words("ship", 18), words("port", 10), instant("arrived"), instant("departed").maybe(), int16s("passengers"), int16s("vehicles"),
				num32("wave_height").in("m").maybe(), words("remark", 40).maybe(),
			},
			rows: func(s *shard) func(*row, int64) {
				r, t := s.rand(), s.traits()
				from := start(2022, 1, 1)
				return func(w *row, i int64) {
					ship := i % 16
					wave := math.Max(0.1, 0.9+0.5*yearly(from+i/16%5000*18900, 15)+0.5*r.NormFloat64())
					late := int64(600 * wave * wave * r.Float64())
					arrived := from + i/16%5000*18900 + ship*700 + late
					season := 1 + 0.7*yearly(arrived, 200)
					w.whole(i + 1)
					w.text(t.pick(ship, 1, []string{"Baltic Tern", "Saar Express", "Norrsken", "Jūras Zvaigzne"}) + fmt.Sprintf(" %d", ship/4+1))
					w.text(ports[(i/16+ship)%6])
					w.whole(arrived)
					if r.IntN(400) == 0 {
						w.null()
					} else {
						w.whole(arrived + 2400 + late/2)
					}
					w.whole(int64(season * (90 + 400*r.Float64())))
					w.whole(int64(season * (20 + 110*r.Float64())))
					if r.IntN(25) == 0 {
						w.null()
					} else {
						w.num(round(wave, 1))
					}
					switch {
					case wave > 2.1:
						w.text("restricted handling, heavy sea")
					case late > 1500:
						w.text("late arrival")
					default:
						w.null()
					}
				}
			},
		}},
	}
}
