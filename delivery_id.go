package everhook

import (
	"crypto/rand"
	"encoding/base32"
	"regexp"
	"time"
)

// deliveryIDTime is how many bytes of a delivery ID are its time, in milliseconds of Unix time.
const deliveryIDTime = 6

var (
	// deliveryIDEncoding keeps the order of the bytes (RFC 4648, base32hex).
	deliveryIDEncoding = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)
	deliveryIDExp      = regexp.MustCompile(`^[0-9a-v]{26}$`)
)

// NewDeliveryID makes the ID of a delivery that was received at a time: 26 characters of 0-9 and a-v (128 bits). IDs
// are sorted by their times, to the millisecond; 80 bits are random.
func NewDeliveryID(at time.Time) string {
	id := timedID(at)
	rand.Read(id[deliveryIDTime:])
	return deliveryIDEncoding.EncodeToString(id[:])
}

// FirstDeliveryID is the lowest ID of a time: IDs of earlier times are less.
func FirstDeliveryID(at time.Time) string {
	id := timedID(at)
	return deliveryIDEncoding.EncodeToString(id[:])
}

func timedID(at time.Time) (id [16]byte) {
	millis := uint64(max(0, at.UnixMilli()))
	for i := range deliveryIDTime {
		id[i] = byte(millis >> (8 * (deliveryIDTime - 1 - i)))
	}
	return id
}

// DeliveryTime returns when the delivery with an ID was received, to the millisecond. False: the text is no such ID.
func DeliveryTime(id string) (time.Time, bool) {
	if !deliveryIDExp.MatchString(id) {
		return time.Time{}, false
	}
	var bytes [17]byte
	if _, err := deliveryIDEncoding.Decode(bytes[:], []byte(id)); err != nil {
		return time.Time{}, false
	}
	var millis int64
	for _, b := range bytes[:deliveryIDTime] {
		millis = millis<<8 | int64(b)
	}
	return time.UnixMilli(millis).UTC(), true
}
