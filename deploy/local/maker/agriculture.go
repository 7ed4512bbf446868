package maker

import (
	"fmt"
	"math"
)

const agronomist = "Agronomy Field Network"

// agriculture lists the datasets of the invented agronomy institute.
func agriculture() []dataset {
	return []dataset{wheatTrials(), soilMoisture(), vineyards(), dairyHerds()}
}

func wheatTrials() dataset {
	varieties := []string{"Baltara", "Nordhalm", "Skaistkalne", "Fyrisgold", "Campagne d'or", "Zeeuwse Ster", "Kurzemnieks", "Ostertal"}
	return dataset{
		provider: "agronomy", slug: "winter-wheat-trials", space: "agriculture", template: "open-with-attribution",
		title: text{
			"en": "Winter wheat field trials of the Baltic plain",
			"de": "Winterweizen-Feldversuche der baltischen Ebene",
			"lv": "Ziemas kviešu lauka izmēģinājumi Baltijas līdzenumā",
		},
		description: text{
			"en": "Plot yields of eight varieties at ninety stations with nitrogen, sowing date and disease scores, and the daily weather of each station. Test plots are those of the latest trial series.",
			"de": "Parzellenerträge von acht Sorten an neunzig Standorten mit Stickstoffgabe, Saattermin und Krankheitsbonituren, dazu das tägliche Wetter jedes Standorts.",
			"lv": "Astoņu šķirņu ražas deviņdesmit stacijās ar slāpekļa devu, sējas datumu un slimību vērtējumu, kā arī katras stacijas ikdienas laikapstākļi.",
		},
		keywords: []string{"wheat", "yield", "field trial", "nitrogen", "weather"}, themes: []string{"AGRI", "ENVI"},
		countries: []string{"LV", "LT", "EE", "DE"}, languages: []string{"en"}, publisher: agronomist, licence: "CC-BY-4.0",
		from: "2015-01-01", until: "2024-12-31", weight: 24,
		tables: []table{
			{
				name: "plots", title: text{"en": "Trial plots", "de": "Versuchsparzellen"}, format: formatArrow, share: 0.6, splits: trainTest(),
				columns: []column{
					int64s("plot"), int16s("station"), coded("variety", varieties...).says("Variety sown", "Gesäte Sorte"), int16s("harvest_year"),
					day("sown"), num32("nitrogen").in("kg/ha").says("Nitrogen given in total", "Stickstoffgabe insgesamt"),
					num32("rain_season").in("mm"), num32("heat_sum").in("K.d").says("Degree days above 5 °C", "Temperatursumme über 5 °C"),
					int8s("mildew").maybe().says("Score 1 (none) to 9", "Bonitur 1 (kein Befall) bis 9"), num32("protein").in("%").maybe(),
					num32("yield").in("t/ha").says("Grain at 14 % moisture", "Korn bei 14 % Feuchte"),
				},
				rows: wheatPlots,
			},
			{
				name: "weather", title: text{"en": "Daily station weather", "de": "Tägliches Stationswetter"}, format: formatArrow, share: 0.4, splits: whole(),
				columns: []column{
					int16s("station"), day("day"), num32("temperature_min").in("Cel").of("http://qudt.org/vocab/quantitykind/Temperature"),
					num32("temperature_max").in("Cel").of("http://qudt.org/vocab/quantitykind/Temperature"), num32("rain").in("mm"),
					num32("sun").in("h").maybe(), num32("wind").in("m/s").of("http://qudt.org/vocab/quantitykind/Speed"),
				},
				rows: stationWeather,
			},
		},
	}
}

func wheatPlots(s *shard) func(*row, int64) {
	r, t := s.rand(), s.traits()
	return func(w *row, i int64) {
		station := i % 90
		variety := int64(r.IntN(8))
		year := 2015 + (i/90)%10
		rain := 210 + 120*t.of(station, year) + 15*r.NormFloat64()
		heat := 1750 + 300*t.of(station, 1) + 120*(t.of(year, 2)-0.5) + 20*r.NormFloat64()
		nitrogen := float64(40 + 20*r.IntN(9))
		mildew := 1 + math.Max(0, math.Min(8, (rain-250)/40+1.5*r.NormFloat64()))
		yield := 3.1 + 0.028*nitrogen - 0.00006*nitrogen*nitrogen + 0.007*(rain-210) - 0.16*mildew +
			t.between(variety, 3, -0.5, 0.7) + t.between(station, 4, -0.8, 0.8) + 0.45*r.NormFloat64()
		w.whole(i + 1)
		w.whole(station + 1)
		w.whole(variety)
		w.whole(year)
		w.whole(start(int(year)-1, 9, 10)/86400 + int64(r.IntN(30)))
		w.num(nitrogen)
		w.num(round(rain, 1))
		w.num(round(heat, 0))
		if r.IntN(12) == 0 {
			w.null()
		} else {
			w.whole(int64(mildew))
		}
		if r.IntN(5) == 0 {
			w.null()
		} else {
			w.num(round(10.2+0.012*nitrogen-0.3*(yield-6)+0.4*r.NormFloat64(), 1))
		}
		w.num(round(math.Max(0.4, yield), 2))
	}
}

func stationWeather(s *shard) func(*row, int64) {
	r, t := s.rand(), s.traits()
	first := start(2015, 1, 1) / 86400
	return func(w *row, i int64) {
		station, date := i/3653, first+i%3653
		mean := 7 + 10.5*yearly(date*86400, 200) + t.between(station, 5, -1.5, 1.5) + 2.8*r.NormFloat64()
		spread := 3 + 2.5*(1+yearly(date*86400, 180)) + r.Float64()
		rain := 0.0
		if r.Float64() < 0.42 {
			rain = 4.2 * r.ExpFloat64()
		}
		w.whole(station%90 + 1)
		w.whole(date)
		w.num(round(mean-spread/2, 1))
		w.num(round(mean+spread/2, 1))
		w.num(round(rain, 1))
		if r.IntN(40) == 0 {
			w.null()
		} else {
			w.num(round(math.Max(0, (8+6.5*yearly(date*86400, 172))*r.Float64()-0.3*rain), 1))
		}
		w.num(round(3.4+1.2*yearly(date*86400, 15)+1.1*r.ExpFloat64(), 1))
	}
}

func soilMoisture() dataset {
	const steps = 8784 // hours of 2024
	return dataset{
		provider: "agronomy", slug: "soil-moisture-network", space: "agriculture", template: "open-with-attribution",
		title: text{
			"en": "Soil moisture and temperature network, hourly",
			"fr": "Réseau d'humidité et de température du sol, horaire",
			"nl": "Meetnet bodemvocht en bodemtemperatuur, per uur",
		},
		description: text{
			"en": "Hourly probes at three depths on farms between Flanders and Champagne, with battery state and quality flag as delivered by the loggers.",
			"fr": "Sondes horaires à trois profondeurs dans des exploitations entre la Flandre et la Champagne, avec l'état de la pile et l'indicateur de qualité.",
			"nl": "Sondes op drie diepten, elk uur, op bedrijven tussen Vlaanderen en Champagne, met batterijstand en kwaliteitsvlag.",
		},
		keywords: []string{"soil moisture", "sensor network", "irrigation", "drought"}, themes: []string{"AGRI", "ENVI"},
		countries: []string{"BE", "FR", "NL"}, languages: []string{"en"}, publisher: agronomist, licence: "CC-BY-4.0",
		from: "2024-01-01", until: "2024-12-31", weight: 22,
		tables: []table{{
			name: "readings", title: text{"en": "Hourly readings", "fr": "Mesures horaires"}, format: formatArrow, share: 1, splits: trainTest(),
			columns: []column{
				int32s("probe"), instant("at"), num32("moisture_10cm").in("m3/m3"), num32("moisture_30cm").in("m3/m3"), num32("moisture_60cm").in("m3/m3").maybe(),
				num32("temperature_10cm").in("Cel").of("http://qudt.org/vocab/quantitykind/Temperature"), num32("battery").in("V"), flag("plausible"),
			},
			rows: func(s *shard) func(*row, int64) {
				r, t := s.rand(), s.traits()
				from := start(2024, 1, 1)
				return func(w *row, i int64) {
					probe, at := i/steps, from+i%steps*3600
					dry := 0.31 + 0.09*yearly(at, 20) + t.between(probe, 1, -0.06, 0.06)
					rain := 0.03 * math.Max(0, math.Sin(float64(at)/86400/4.3+6*t.of(probe, 2)))
					w.whole(1000 + probe)
					w.whole(at)
					w.num(round(dry+rain+0.006*r.NormFloat64(), 3))
					w.num(round(dry+0.5*rain+0.03+0.004*r.NormFloat64(), 3))
					if t.of(probe, 3) < 0.1 { // no third probe there
						w.null()
					} else {
						w.num(round(dry+0.2*rain+0.05+0.003*r.NormFloat64(), 3))
					}
					w.num(round(10.5+8.5*yearly(at, 205)+1.8*bump(hour(at), 16, 4)+0.3*r.NormFloat64(), 1))
					w.num(round(3.62-0.3*float64(i%steps)/steps+0.01*r.NormFloat64(), 2))
					w.yes(r.IntN(150) != 0)
				}
			},
		}},
	}
}

func vineyards() dataset {
	grapes := []string{"Chardonnay", "Pinot noir", "Meunier", "Riesling", "Sangiovese", "Garganega"}
	stages := []string{"budburst", "flowering", "fruit set", "veraison", "harvest"}
	return dataset{
		provider: "agronomy", slug: "vineyard-phenology", space: "agriculture", template: "research-only",
		title: text{
			"en": "Vineyard phenology and ripeness", "fr": "Phénologie et maturité de la vigne", "it": "Fenologia e maturazione della vite",
		},
		description: text{
			"en": "Dates of growth stages and must weight in observed parcels, entered by hand by growers.",
			"fr": "Dates des stades de croissance et degré du moût dans des parcelles suivies, saisies par les vignerons.",
			"it": "Date delle fasi di crescita e grado del mosto in parcelle osservate, inserite dai viticoltori.",
		},
		keywords: []string{"vine", "phenology", "climate", "ripeness"}, themes: []string{"AGRI"},
		countries: []string{"FR", "DE", "IT"}, languages: []string{"en"}, publisher: agronomist, licence: "CC-BY-NC-4.0",
		from: "2005-03-01", until: "2024-10-31", weight: 1.5,
		tables: []table{{
			name: "observations", title: text{"en": "Observations", "fr": "Observations"}, format: formatCSV, share: 1, splits: whole(),
			columns: []column{
				words("parcel", 9), words("grape", 12), int16s("year"), words("stage", 10), day("observed"),
				num32("must_weight").in("[degOe]").maybe().says("Degrees Oechsle, at harvest only", "Grad Oechsle, nur zur Lese"),
			},
			rows: func(s *shard) func(*row, int64) {
				r, t := s.rand(), s.traits()
				return func(w *row, i int64) {
					parcel, year, stage := i/100, int(2005+i/5%20), i%5
					when := []int{100, 160, 172, 218, 258}[stage]
					shift := t.between(int64(year), 1, -12, 12) - 0.4*float64(year-2005) + t.between(parcel, 2, -6, 6)
					w.text(fmt.Sprintf("FR-%06d", 4100+parcel*7))
					w.text(t.pick(parcel, 3, grapes))
					w.whole(int64(year))
					w.text(stages[stage])
					w.whole(start(year, 1, 1)/86400 + int64(float64(when)+shift+2*r.NormFloat64()))
					if stage == 4 {
						w.num(round(84+0.5*float64(year-2005)+5*r.NormFloat64(), 0))
					} else {
						w.null()
					}
				}
			},
		}},
	}
}

func dairyHerds() dataset {
	breeds := []string{"Holstein", "Jersey", "Montbéliarde", "Latvian Brown", "Fleckvieh"}
	return dataset{
		provider: "agronomy", slug: "dairy-herd-recording", space: "agriculture", template: "ask-the-holder",
		title: text{
			"en": "Dairy herd milk recording", "nl": "Melkcontrole van melkveebedrijven", "de": "Milchleistungsprüfung in Milchviehherden",
		},
		description: text{
			"en": "Monthly test-day records of milk, fat, protein and cell count per cow; farms are numbered. The farms' association decides about each request.",
			"nl": "Maandelijkse melkcontrole per koe: melk, vet, eiwit en celgetal; bedrijven zijn genummerd.",
			"de": "Monatliche Prüfergebnisse je Kuh: Milch, Fett, Eiweiß und Zellzahl; Betriebe sind nummeriert.",
		},
		keywords: []string{"milk", "dairy", "cattle", "animal health"}, themes: []string{"AGRI", "HEAL"},
		countries: []string{"NL", "DE", "LV"}, languages: []string{"en"}, publisher: agronomist, licence: "https://agronomy.example/licences/herd-data",
		from: "2022-01-01", until: "2024-12-31", weight: 12,
		tables: []table{{
			name: "test_days", title: text{"en": "Test days", "de": "Prüftage"}, format: formatParquet, share: 1, splits: trainTest(),
			columns: []column{
				int64s("cow").private("quasi"), int32s("farm").private("quasi"), words("breed", 14), day("tested"), int16s("days_in_milk").in("d"), int8s("lactation"),
				num32("milk").in("kg/d").of("http://qudt.org/vocab/quantitykind/Mass"), num32("fat").in("%"), num32("protein").in("%"), int32s("cells").in("10*3/mL").maybe(),
			},
			rows: func(s *shard) func(*row, int64) {
				r, t := s.rand(), s.traits()
				from := start(2022, 1, 1) / 86400
				return func(w *row, i int64) {
					cow, test := i/30, i%30
					inMilk := 12 + (test*32+int64(300*t.of(cow, 1)))%320
					lactation := 1 + int64(4*t.of(cow, 2)) + test/11
					x := float64(inMilk)
					milk := (13+2.2*math.Min(float64(lactation), 4))*math.Pow(x, 0.2)*math.Exp(-0.0031*x) + t.between(cow, 3, -4, 5) + 1.6*r.NormFloat64()
					w.whole(528000000 + cow)
					w.whole(cow / 85)
					w.text(t.pick(cow/85, 4, breeds))
					w.whole(from + test*32 + int64(25*t.of(cow/85, 5)))
					w.whole(inMilk)
					w.whole(lactation)
					w.num(round(math.Max(3, milk), 1))
					w.num(round(4.3-0.02*(milk-25)+0.25*r.NormFloat64(), 2))
					w.num(round(3.5-0.01*(milk-25)+0.12*r.NormFloat64(), 2))
					if r.IntN(30) == 0 {
						w.null()
					} else {
						w.whole(int64(math.Exp(4.3 + 0.9*r.NormFloat64())))
					}
				}
			},
		}},
	}
}
