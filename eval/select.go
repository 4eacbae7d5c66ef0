package eval

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Shard is part I of N of a selection, 1 ≤ I ≤ N. The zero Shard is all of it.
type Shard struct{ I, N int }

// ParseShard reads "3/8".
func ParseShard(s string) (Shard, error) {
	a, b, ok := strings.Cut(s, "/")
	i, err1 := strconv.Atoi(a)
	n, err2 := strconv.Atoi(b)
	if !ok || err1 != nil || err2 != nil || i < 1 || n < i || n > 1<<20 {
		return Shard{}, fmt.Errorf("eval: shard %q: want I/N with 1 ≤ I ≤ N, such as 3/8", s)
	}
	return Shard{i, n}, nil
}

func (s Shard) String() string {
	if s.N == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.I, s.N)
}

// Select takes at most limit images (0: all), spread over the classes in proportion, drawn
// by seed, and of these the shard. It is a function of its arguments alone; a larger limit
// of the same seed contains the smaller one, and the shards of one N are a partition. The
// order of images is kept.
func Select(images []Image, limit int, seed uint64, shard Shard) []Image {
	chosen := slices.Clone(images)
	if limit > 0 && limit < len(images) {
		chosen = stratified(images, limit, seed)
	}
	if shard.N > 0 {
		n := len(chosen)
		chosen = chosen[n*(shard.I-1)/shard.N : n*shard.I/shard.N]
	}
	return chosen
}

// stratified is systematic sampling: image r of the n of its class, in an order drawn by
// seed, stands at (r + u) / n, with u drawn for the class; the images that stand first are
// taken. A class then has its proportional share, rounded up or down.
func stratified(images []Image, limit int, seed uint64) []Image {
	classes := map[int][]int{}
	for i, im := range images {
		classes[im.Class] = append(classes[im.Class], i)
	}
	type place struct {
		at    float64
		image int
	}
	places := make([]place, 0, len(images))
	for class, members := range classes {
		draw := make(map[int]uint64, len(members))
		for _, i := range members {
			draw[i] = mix(seed, images[i].Key)
		}
		slices.SortFunc(members, func(a, b int) int {
			return cmp.Or(cmp.Compare(draw[a], draw[b]), cmp.Compare(a, b))
		})
		u := float64(mix(seed, "class "+strconv.Itoa(class))>>11) / (1 << 53)
		for r, i := range members {
			places = append(places, place{(float64(r) + u) / float64(len(members)), i})
		}
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.image, b.image))
	})
	taken := make([]int, limit)
	for i := range taken {
		taken[i] = places[i].image
	}
	slices.Sort(taken)
	out := make([]Image, limit)
	for i, t := range taken {
		out[i] = images[t]
	}
	return out
}

// mix draws 64 bits for a name: the same on every machine and in every version.
func mix(seed uint64, name string) uint64 {
	h := sha256.New()
	h.Write(binary.LittleEndian.AppendUint64(nil, seed))
	h.Write([]byte(name))
	return binary.LittleEndian.Uint64(h.Sum(nil))
}

func sortByKey(images []Image) {
	slices.SortFunc(images, func(a, b Image) int { return cmp.Compare(a.Key, b.Key) })
}
