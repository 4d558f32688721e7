package container

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/schema"
	"github.com/x448/float16"
)

// Values of Parquet columns are written as JSON has them: numbers, decimals
// too, and truth values; dates and times as ISO 8601 text; anything else as text that shows it.

func putBool(b *bytes.Buffer, v bool) error {
	b.WriteString(strconv.FormatBool(v))
	return nil
}

func putFloat32(b *bytes.Buffer, v float32) error { return putFloat(b, float64(v), 32) }
func putFloat64(b *bytes.Buffer, v float64) error { return putFloat(b, v, 64) }

func putFloat(b *bytes.Buffer, v float64, bits int) error {
	if math.IsNaN(v) || math.IsInf(v, 0) { // JSON has no such number
		b.WriteString("null")
		return nil
	}
	b.Write(strconv.AppendFloat(nil, v, 'g', -1, bits))
	return nil
}

func putInt96(b *bytes.Buffer, v parquet.Int96) error { return putTime(b, v.ToTime(), "") }

// integerWriter writes the values of a column of integers of so many bits.
func integerWriter(d *schema.Column, bits int) (func(*bytes.Buffer, int64) error, error) {
	switch l := d.LogicalType().(type) {
	case schema.IntLogicalType:
		if !l.IsSigned() {
			mask := uint64(1)<<bits - 1
			return func(b *bytes.Buffer, v int64) error {
				b.WriteString(strconv.FormatUint(uint64(v)&mask, 10))
				return nil
			}, nil
		}
	case schema.DecimalLogicalType:
		if err := checkScale(l.Scale()); err != nil {
			return nil, err
		}
		return func(b *bytes.Buffer, v int64) error { return putDecimal(b, big.NewInt(v), int(l.Scale())) }, nil
	case schema.DateLogicalType:
		return func(b *bytes.Buffer, v int64) error {
			return putString(b, time.Unix(v*24*60*60, 0).UTC().Format(time.DateOnly))
		}, nil
	case schema.TimestampLogicalType:
		zone := ""
		if l.IsAdjustedToUTC() && !l.IsFromConvertedType() {
			zone = "Z"
		}
		return func(b *bytes.Buffer, v int64) error { return putTime(b, inUnits(v, l.TimeUnit()), zone) }, nil
	case schema.TimeLogicalType:
		return func(b *bytes.Buffer, v int64) error {
			return putString(b, inUnits(v, l.TimeUnit()).Format("15:04:05.999999999"))
		}, nil
	}
	return func(b *bytes.Buffer, v int64) error {
		b.WriteString(strconv.FormatInt(v, 10))
		return nil
	}, nil
}

// inUnits is the time v units after the beginning of 1970.
func inUnits(v int64, unit schema.TimeUnitType) time.Time {
	switch unit {
	case schema.TimeUnitMillis:
		return time.UnixMilli(v).UTC()
	case schema.TimeUnitMicros:
		return time.UnixMicro(v).UTC()
	}
	return time.Unix(0, v).UTC()
}

func putTime(b *bytes.Buffer, t time.Time, zone string) error {
	return putString(b, t.UTC().Format("2006-01-02T15:04:05.999999999")+zone)
}

// bytesWriter writes the values of a column of byte arrays.
func bytesWriter(d *schema.Column) (func(*bytes.Buffer, []byte) error, error) {
	switch l := d.LogicalType().(type) {
	case schema.StringLogicalType, schema.JSONLogicalType, schema.EnumLogicalType:
		return func(b *bytes.Buffer, v []byte) error { return putText(b, v, true) }, nil
	case schema.DecimalLogicalType:
		if err := checkScale(l.Scale()); err != nil {
			return nil, err
		}
		return func(b *bytes.Buffer, v []byte) error { return putBigEndian(b, v, int(l.Scale())) }, nil
	case schema.UUIDLogicalType:
		return func(b *bytes.Buffer, v []byte) error {
			if len(v) != 16 {
				return fmt.Errorf("a UUID of %d bytes", len(v))
			}
			return putString(b, fmt.Sprintf("%x-%x-%x-%x-%x", v[:4], v[4:6], v[6:8], v[8:10], v[10:]))
		}, nil
	case schema.Float16LogicalType:
		return func(b *bytes.Buffer, v []byte) error {
			if len(v) != 2 {
				return fmt.Errorf("a half-precision number of %d bytes", len(v))
			}
			return putFloat32(b, float16.Frombits(binary.LittleEndian.Uint16(v)).Float32())
		}, nil
	}
	return func(b *bytes.Buffer, v []byte) error { return putText(b, v, false) }, nil
}

// putText writes a string. Bytes that are not said to be text, such as an
// image's, are told by their number.
func putText(b *bytes.Buffer, text []byte, sure bool) error {
	if !utf8.Valid(text) {
		if sure {
			return fmt.Errorf("not UTF-8 at byte %d", invalidAt(text))
		}
		text = fmt.Appendf(nil, "(binary data of %d bytes)", len(text))
	}
	return putString(b, string(text))
}

// maxDecimal bounds the digits behind a decimal's point, and its bytes.
const maxDecimal = 128

func checkScale(scale int32) error {
	if scale < 0 || scale > maxDecimal {
		return fmt.Errorf("its decimals would have %d digits behind the point, wanted 0 to %d", scale, maxDecimal)
	}
	return nil
}

// putBigEndian writes a decimal whose unscaled value is v in two's complement.
func putBigEndian(b *bytes.Buffer, v []byte, scale int) error {
	if len(v) > maxDecimal {
		return fmt.Errorf("a decimal of %d bytes, wanted at most %d", len(v), maxDecimal)
	}
	x := new(big.Int).SetBytes(v)
	if len(v) > 0 && v[0] >= 0x80 {
		x.Sub(x, new(big.Int).Lsh(big.NewInt(1), uint(8*len(v))))
	}
	return putDecimal(b, x, scale)
}

// putDecimal writes unscaled · 10^-scale, all its digits.
func putDecimal(b *bytes.Buffer, unscaled *big.Int, scale int) error {
	digits := new(big.Int).Abs(unscaled).String()
	if n := scale + 1 - len(digits); n > 0 {
		digits = strings.Repeat("0", n) + digits
	}
	if unscaled.Sign() < 0 {
		b.WriteByte('-')
	}
	point := len(digits) - scale
	b.WriteString(digits[:point])
	if scale > 0 {
		b.WriteByte('.')
		b.WriteString(digits[point:])
	}
	return nil
}
