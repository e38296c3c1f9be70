package packed

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// The packed form of a value, before compression: a tag, then what the tag needs. It keeps the Go types of canonical
// values exactly (an int stays an int, a nil list a nil list), so that a value is the same after it was packed.
const (
	tagNil byte = iota
	tagFalse
	tagTrue
	tagInt
	tagFloat
	tagText
	tagList
	tagNilList
	tagMapping
	tagNilMapping
)

// Approximate bytes that values take in memory.
const (
	weightOfSlot    = 16 // an interface value in a list or mapping
	weightOfText    = 16
	weightOfNumber  = 8
	weightOfList    = 24
	weightOfMapping = 48
	// A mapping has room for eight entries at once.
	weightOfEntries  = 8 * (16 + weightOfSlot)
	entriesPerWeight = 7
)

// weight is about how many bytes a value takes. It stops counting above most, which bounds its time. It returns false
// for a value that is not canonical.
func weight(v any, most int) (bytes int, canonical bool) {
	switch v := v.(type) {
	case nil, bool:
		return 0, true
	case int, float64:
		return weightOfNumber, true
	case string:
		return weightOfText + len(v), true
	case []any:
		bytes = weightOfList + weightOfSlot*len(v)
		for _, item := range v {
			if bytes > most {
				return bytes, true
			}
			below, ok := weight(item, most-bytes)
			if !ok {
				return 0, false
			}
			bytes += below
		}
		return bytes, true
	case map[string]any:
		bytes = weightOfMapping + weightOfEntries*(1+len(v)/(entriesPerWeight+1))
		for key, item := range v {
			if bytes > most {
				return bytes, true
			}
			below, ok := weight(item, most-bytes)
			if !ok {
				return 0, false
			}
			bytes += below + len(key)
		}
		return bytes, true
	default:
		return 0, false
	}
}

// writer writes the packed form of canonical values. It panics on others, which weight has told apart before.
type writer struct {
	data []byte
	// keys are the numbers of the keys that were written: a list of mappings has each key once.
	keys map[string]uint64
}

func (w *writer) write(v any) {
	switch v := v.(type) {
	case nil:
		w.data = append(w.data, tagNil)
	case bool:
		tag := tagFalse
		if v {
			tag = tagTrue
		}
		w.data = append(w.data, tag)
	case int:
		w.data = binary.AppendVarint(append(w.data, tagInt), int64(v))
	case float64:
		w.data = binary.LittleEndian.AppendUint64(append(w.data, tagFloat), math.Float64bits(v))
	case string:
		w.data = append(w.data, tagText)
		w.text(v)
	case []any:
		w.list(v)
	case map[string]any:
		w.mapping(v)
	default:
		panic(fmt.Sprintf("a %T is not a canonical value", v))
	}
}

func (w *writer) text(text string) {
	w.data = append(binary.AppendUvarint(w.data, uint64(len(text))), text...)
}

func (w *writer) list(list []any) {
	if list == nil {
		w.data = append(w.data, tagNilList)
		return
	}
	w.data = binary.AppendUvarint(append(w.data, tagList), uint64(len(list)))
	for _, item := range list {
		w.write(item)
	}
}

// mapping writes the keys in order, because mappings of one shape that follow each other then compress well.
func (w *writer) mapping(mapping map[string]any) {
	if mapping == nil {
		w.data = append(w.data, tagNilMapping)
		return
	}
	w.data = binary.AppendUvarint(append(w.data, tagMapping), uint64(len(mapping)))
	var few [16]string
	keys := few[:0]
	for key := range mapping {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		w.key(key)
		w.write(mapping[key])
	}
}

// key writes the number of a key, and the key itself the first time.
func (w *writer) key(key string) {
	number, known := w.keys[key]
	if !known {
		number = uint64(len(w.keys))
		w.keys[key] = number
	}
	w.data = binary.AppendUvarint(w.data, number)
	if !known {
		w.text(key)
	}
}

// reader reads what writer wrote. It panics on anything else.
type reader struct {
	data []byte
	keys []string
}

func (r *reader) read() any {
	tag := r.data[0]
	r.data = r.data[1:]
	switch tag {
	case tagNil:
		return nil
	case tagFalse:
		return false
	case tagTrue:
		return true
	case tagInt:
		n, size := binary.Varint(r.data)
		r.data = r.data[size:]
		return int(n)
	case tagFloat:
		bits := binary.LittleEndian.Uint64(r.data)
		r.data = r.data[8:]
		return math.Float64frombits(bits)
	case tagText:
		return r.text()
	case tagList:
		list := make([]any, r.number())
		for i := range list {
			list[i] = r.read()
		}
		return list
	case tagNilList:
		return []any(nil)
	case tagMapping:
		length := r.number()
		mapping := make(map[string]any, length)
		for range length {
			key := r.key()
			mapping[key] = r.read()
		}
		return mapping
	case tagNilMapping:
		return map[string]any(nil)
	default:
		panic(fmt.Sprintf("a packed value with the tag %d", tag))
	}
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.data)
	r.data = r.data[size:]
	return n
}

// text copies: a short text must not hold the whole packed form in memory.
func (r *reader) text() string {
	length := r.number()
	text := string(r.data[:length])
	r.data = r.data[length:]
	return text
}

func (r *reader) key() string {
	number := r.number()
	if number == uint64(len(r.keys)) {
		r.keys = append(r.keys, r.text())
	}
	return r.keys[number]
}
