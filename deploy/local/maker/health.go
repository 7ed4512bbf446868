package maker

import (
	"fmt"
	"math"
)

const hospitalGroup = "University Hospital Rivermouth"

// health lists the datasets of the invented hospital. No person is behind any
// row; the personal columns are there to be hidden and pseudonymised.
func health() []dataset {
	return []dataset{intensiveCare(), diabetesRegister(), emergencyArrivals()}
}

// patients says who patient id is: number, birth date, postcode, sex.
func patientColumns() []column {
	return []column{
		words("patient_number", 11).private("identifies").says("Number in the hospital's own register", "Nummer im Register des Hauses"),
		day("birth_date").private("quasi"), words("postcode", 5).private("quasi"), words("sex", 1).private("quasi"),
	}
}

func patient(w *row, t traits, id int64) (age float64) {
	age = 18 + 74*math.Sqrt(t.of(id, 11))
	w.text(patientNumber(t, id))
	w.whole(start(2024, 1, 1)/86400 - int64(age*365.2425))
	w.text(fmt.Sprintf("%05d", 20000+int(8000*t.of(id, 12))))
	w.text(t.pick(id, 13, []string{"f", "m"}))
	return age
}

func patientNumber(t traits, id int64) string {
	return fmt.Sprintf("RM%03d-%05d", int(1000*t.of(id, 10)), id%100000)
}

func intensiveCare() dataset {
	const perStay = 288 // readings: a day, every five minutes
	return dataset{
		provider: "hospital", slug: "icu-vital-signs", space: "health", template: "health-with-review",
		title: text{
			"en": "Intensive care vital signs", "de": "Vitalzeichen der Intensivstation", "fr": "Signes vitaux en soins intensifs",
		},
		description: text{
			"en": "Vital signs every five minutes of the first day of intensive-care stays, with the stays' diagnosis group and outcome. Patient number, birth date and postcode are personal.",
			"de": "Vitalzeichen alle fünf Minuten am ersten Tag von Intensivaufenthalten mit Diagnosegruppe und Ausgang. Patientennummer, Geburtsdatum und Postleitzahl sind personenbezogen.",
			"fr": "Signes vitaux toutes les cinq minutes du premier jour en soins intensifs, avec groupe de diagnostic et issue. Numéro, date de naissance et code postal sont personnels.",
		},
		keywords: []string{"intensive care", "vital signs", "sepsis", "outcome"}, themes: []string{"HEAL"},
		countries: []string{"DE"}, languages: []string{"en", "de"}, publisher: hospitalGroup, licence: "https://hospital.example/licences/secondary-use",
		from: "2022-01-01", until: "2024-12-31", weight: 24,
		tables: []table{
			{
				name: "vitals", title: text{"en": "Vital signs", "de": "Vitalzeichen"}, format: formatArrow, share: 0.97, splits: trainTest(),
				columns: []column{
					words("patient_number", 11).private("identifies"), int64s("stay").private("quasi"), instant("at"),
					num32("heart_rate").in("/min").of("http://loinc.org/8867-4").private("sensitive"),
					num32("respiratory_rate").in("/min").of("http://loinc.org/9279-1").private("sensitive").maybe(),
					num32("oxygen_saturation").in("%").of("http://loinc.org/59408-5").private("sensitive").maybe(),
					num32("systolic").in("mm[Hg]").of("http://loinc.org/8480-6").private("sensitive").maybe(),
					num32("diastolic").in("mm[Hg]").of("http://loinc.org/8462-4").private("sensitive").maybe(),
					num32("temperature").in("Cel").of("http://loinc.org/8310-5").private("sensitive").maybe(),
				},
				rows: func(s *shard) func(*row, int64) {
					r, t := s.rand(), s.traits()
					return func(w *row, i int64) {
						stay, step := i/perStay, i%perStay
						ill := t.of(stay, 1) * (1 - 0.4*float64(step)/perStay)
						at := start(2022, 1, 1) + int64(1095*t.of(stay, 2))*86400 + int64(86400*t.of(stay, 3)) + step*300
						wave := math.Sin(float64(step)/17 + 6*t.of(stay, 4))
						w.text(patientNumber(t, stay))
						w.whole(stay + 1)
						w.whole(at)
						w.num(round(74+34*ill+4*wave+3*r.NormFloat64(), 0))
						w.num(round(15+9*ill+1.5*r.NormFloat64(), 0))
						if r.IntN(45) == 0 { // the clip fell off
							w.null()
						} else {
							w.num(round(math.Min(100, 98-7*ill+r.NormFloat64()), 0))
						}
						pressure := 124 - 26*ill + 6*wave + 5*r.NormFloat64()
						if step%3 != 0 { // the cuff fills every fifteen minutes
							w.null()
							w.null()
						} else {
							w.num(round(pressure, 0))
							w.num(round(0.6*pressure+2*r.NormFloat64(), 0))
						}
						if step%12 != 0 {
							w.null()
						} else {
							w.num(round(36.8+1.7*ill+0.2*r.NormFloat64(), 1))
						}
					}
				},
			},
			{
				name: "stays", title: text{"en": "Stays", "de": "Aufenthalte"}, format: formatArrow, share: 0.03, splits: whole(),
				columns: append(patientColumns(),
					int64s("stay").private("quasi"), coded("diagnosis_group", "cardiac", "respiratory", "sepsis", "trauma", "neurological", "surgical").private("sensitive"),
					num32("days").in("d"), flag("survived").private("sensitive")),
				rows: func(s *shard) func(*row, int64) {
					t := s.traits()
					return func(w *row, i int64) {
						age := patient(w, t, i)
						w.whole(i + 1)
						w.whole(int64(6 * t.of(i, 5)))
						w.num(round(0.5+9*t.of(i, 1)*t.of(i, 6), 1))
						w.yes(t.of(i, 7) > 0.45*t.of(i, 1)*age/70)
					}
				},
			},
		},
	}
}

func diabetesRegister() dataset {
	const visits = 12
	return dataset{
		provider: "hospital", slug: "diabetes-register", space: "health", template: "health-with-review",
		title: text{
			"en": "Diabetes register with laboratory values", "lv": "Diabēta reģistrs ar laboratorijas rādītājiem", "sv": "Diabetesregister med laboratorievärden",
		},
		description: text{
			"en": "Quarterly visits of people with diabetes: HbA1c, kidney function, body weight and treatment, and the register's page of each person.",
			"lv": "Diabēta pacientu ceturkšņa vizītes: HbA1c, nieru funkcija, svars un ārstēšana, kā arī reģistra ieraksts par katru personu.",
			"sv": "Kvartalsbesök för personer med diabetes: HbA1c, njurfunktion, vikt och behandling, samt registerposten för varje person.",
		},
		keywords: []string{"diabetes", "laboratory", "HbA1c", "register", "chronic disease"}, themes: []string{"HEAL"},
		countries: []string{"LV", "SE"}, languages: []string{"en"}, publisher: hospitalGroup, licence: "https://hospital.example/licences/secondary-use",
		from: "2022-01-01", until: "2024-12-31", weight: 12,
		tables: []table{
			{
				name: "visits", title: text{"en": "Visits", "sv": "Besök"}, format: formatArrow, share: 0.88, splits: trainTest(),
				columns: []column{
					words("patient_number", 11).private("identifies"), day("visited"), num32("hba1c").in("mmol/mol").of("http://loinc.org/59261-8").private("sensitive").maybe(),
					num32("egfr").in("mL/min/{1.73_m2}").private("sensitive").maybe(), num32("weight").in("kg").private("sensitive"), words("treatment", 20).private("sensitive"),
				},
				rows: func(s *shard) func(*row, int64) {
					r, t := s.rand(), s.traits()
					drugs := []string{"diet", "metformin", "metformin and SGLT2", "GLP-1", "basal insulin", "insulin pump"}
					return func(w *row, i int64) {
						id, visit := i/visits, i%visits
						w.text(patientNumber(t, id))
						w.whole(start(2022, 1, 1)/86400 + visit*91 + int64(60*t.of(id, 1)))
						if r.IntN(15) == 0 {
							w.null()
						} else {
							w.num(round(t.between(id, 2, 42, 88)-0.7*float64(visit)+4*r.NormFloat64(), 0))
						}
						if r.IntN(6) == 0 {
							w.null()
						} else {
							w.num(round(math.Max(8, t.between(id, 3, 35, 115)-0.4*float64(visit)+4*r.NormFloat64()), 0))
						}
						w.num(round(t.between(id, 4, 52, 130)-0.3*float64(visit)+r.NormFloat64(), 1))
						w.text(t.pick(id*4+visit/3, 5, drugs))
					}
				},
			},
			{
				name: "people", title: text{"en": "People", "sv": "Personer"}, format: formatParquet, share: 0.12, splits: whole(),
				columns: append(patientColumns(), int8s("diabetes_type").private("sensitive"), int16s("diagnosed").private("sensitive"), flag("smoker").private("sensitive").maybe()),
				rows: func(s *shard) func(*row, int64) {
					t := s.traits()
					return func(w *row, i int64) {
						age := patient(w, t, i)
						kind := int64(2)
						if t.of(i, 6) < 0.09 {
							kind = 1
						}
						w.whole(kind)
						w.whole(2024 - int64(age*0.4*t.of(i, 7)))
						if t.of(i, 8) < 0.1 {
							w.null()
						} else {
							w.yes(t.of(i, 9) < 0.2)
						}
					}
				},
			},
		},
	}
}

func emergencyArrivals() dataset {
	reasons := []string{"chest pain", "fall", "breathlessness", "abdominal pain", "fever", "headache", "cut", "stroke signs"}
	return dataset{
		provider: "hospital", slug: "emergency-arrivals", space: "health", template: "research-only",
		title: text{
			"en": "Emergency department arrivals", "nl": "Aankomsten op de spoedeisende hulp", "de": "Ankünfte in der Notaufnahme",
		},
		description: text{
			"en": "Arrivals with triage level, reason, waiting time and the way out, without patient numbers; age in bands of ten years.",
			"nl": "Aankomsten met triageniveau, reden, wachttijd en uitstroom, zonder patiëntnummers; leeftijd in banden van tien jaar.",
			"de": "Ankünfte mit Dringlichkeit, Anlass, Wartezeit und Verbleib, ohne Patientennummern; Alter in Zehnerklassen.",
		},
		keywords: []string{"emergency", "triage", "waiting time", "hospital"}, themes: []string{"HEAL", "SOCI"},
		countries: []string{"DE", "NL"}, languages: []string{"en"}, publisher: hospitalGroup, licence: "CC-BY-NC-4.0",
		from: "2022-01-01", until: "2024-12-31", weight: 8,
		tables: []table{{
			name: "arrivals", title: text{"en": "Arrivals", "nl": "Aankomsten"}, format: formatArrow, share: 1, splits: trainTest(),
			columns: []column{
				int64s("arrival"), instant("at"), int8s("age_band").private("quasi").says("Decade of age", "Altersjahrzehnt"), int8s("triage").says("1 immediate to 5 can wait", "1 sofort bis 5 nicht dringend"),
				words("reason", 14).private("sensitive"), int16s("waited").in("min").maybe(), words("left_to", 14),
			},
			rows: func(s *shard) func(*row, int64) {
				r := s.rand()
				return func(w *row, i int64) {
					at := start(2022, 1, 1) + i%157680*600 + int64(r.IntN(600)) // one in ten minutes over three years
					crowd := 0.3 + 0.7*bump(hour(at), 11, 3) + 0.6*bump(hour(at), 18.5, 2.5)
					triage := 1 + int64(math.Min(4, math.Abs(2.3+1.1*r.NormFloat64())))
					w.whole(i + 1)
					w.whole(at)
					w.whole(int64(9 * math.Sqrt(r.Float64())))
					w.whole(triage)
					w.text(reasons[r.IntN(len(reasons))])
					if r.IntN(50) == 0 {
						w.null()
					} else {
						w.whole(int64(float64(triage*triage) * 6 * crowd * (0.3 + r.ExpFloat64())))
					}
					switch {
					case triage == 1:
						w.text("intensive care")
					case triage == 2 || r.IntN(6) == 0:
						w.text("ward")
					default:
						w.text("home")
					}
				}
			},
		}},
	}
}
