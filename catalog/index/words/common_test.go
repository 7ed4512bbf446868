package words

import "testing"

// What every description holds tells little, what few do all that a word can.
func TestRarity(t *testing.T) {
	m := made1(t)
	every, some, few := m.Asked("dataset").Rarity, m.Asked("water").Rarity, m.Asked("glaciology").Rarity
	if every >= some || some >= few || few != 1 || every < leastRarity {
		t.Errorf("%v, %v, %v", every, some, few)
	}
	if last := rarity(1000); last != leastRarity {
		t.Errorf("of a word in all: %v", last)
	}
	if len(m.common) < 1000 {
		t.Errorf("%d words are common", len(m.common))
	}
}
