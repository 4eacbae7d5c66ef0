package onnx

import "github.com/wispnet/wisp/graph"

// operator is how one of ONNX's operators is read. Fold computes it where every input
// is known; emit maps it onto the graph; take does either by itself. One of them is set, but
// of If.
// Moves says that it only moves elements, so that it may have integers of activations.
type operator struct {
	take  func(*node) error
	moves bool
	fold  func(*node) (*constant, error)
	emit  func(*node) error
}

// operators is every operator of ONNX's own domain that is read.
var operators = map[string]operator{
	"Conv":               {emit: conv},
	"BatchNormalization": {emit: batchNorm},
	"Gemm":               {emit: gemm},
	"MatMul":             {emit: matMul},
	"GlobalAveragePool":  {emit: globalAveragePool},
	"GlobalMaxPool":      {emit: globalMaxPool},
	"AveragePool":        {emit: averagePool},
	"MaxPool":            {emit: maxPool},
	"ReduceMean":         {fold: foldReduce, emit: reduceMean},
	"Resize":             {emit: resize},
	"Upsample":           {emit: resize},
	"Pad":                {emit: pad},
	"Softmax":            {emit: softmax},
	"Relu":               {fold: foldUnary, emit: activate(graph.ReLU)},
	"Sigmoid":            {fold: foldUnary, emit: activate(graph.Sigmoid)},
	"HardSwish":          {emit: activate(graph.HardSwish)},
	"HardSigmoid":        {emit: hardSigmoid},
	"Clip":               {fold: foldClip, emit: clip},
	"Add":                {fold: foldAdd, emit: binary(graph.Add)},
	"Sub":                {fold: foldSub, emit: binary(graph.Sub)},
	"Mul":                {fold: foldMul, emit: binary(graph.Mul)},
	"Div":                {fold: foldDiv, emit: binary(graph.Div)},
	"Sum":                {fold: foldSum, emit: sum},
	"Neg":                {fold: foldUnary, emit: negate},
	"Reciprocal":         {fold: foldUnary, emit: reciprocal},
	"Max":                {fold: foldMax, emit: minMax},
	"Min":                {fold: foldMin, emit: minMax},
	"Sqrt":               {fold: foldUnary},
	"Exp":                {fold: foldUnary},
	"Log":                {fold: foldUnary},
	"Abs":                {fold: foldUnary},
	"Floor":              {fold: foldUnary},
	"Ceil":               {fold: foldUnary},
	"Round":              {fold: foldUnary},
	"Not":                {fold: foldUnary},
	"Pow":                {fold: foldPow},
	"Mod":                {fold: foldMod},
	"Equal":              {fold: foldEqual},
	"Greater":            {fold: foldGreater},
	"GreaterOrEqual":     {fold: foldGreaterEqual},
	"LessOrEqual":        {fold: foldLessEqual},
	"Less":               {fold: foldLess},
	"And":                {fold: foldAnd},
	"Or":                 {fold: foldOr},
	"Xor":                {fold: foldXor},
	"Where":              {fold: foldWhere},
	"ReduceProd":         {fold: foldReduce},
	"ReduceSum":          {fold: foldReduce},
	"ReduceMax":          {fold: foldReduce},
	"ReduceMin":          {fold: foldReduce},
	"Range":              {fold: foldRange},
	"Constant":           {take: constantNode},
	"If":                 {}, // node.run takes its branch: it reads nodes by this table
	"SequenceConstruct":  {take: sequenceConstruct, moves: true},
	"SequenceAt":         {take: sequenceAt, moves: true},
	"SequenceLength":     {take: sequenceLength, moves: true},
	"SplitToSequence":    {take: splitToSequence, moves: true},
	"ConcatFromSequence": {take: concatFromSequence, moves: true},
	"CastLike":           {fold: foldCastLike, emit: castLike, moves: true},
	"Tile":               {fold: foldTile},
	"ConstantOfShape":    {fold: foldConstantOfShape},
	"Shape":              {fold: foldShape, moves: true},
	"Size":               {fold: foldShape, moves: true},
	"QuantizeLinear":     {fold: quantizeConstant, emit: quantizeLinear},
	"DequantizeLinear":   {fold: dequantizeConstant, emit: dequantizeLinear},
	"QLinearConv":        {emit: qLinearConv},
	"QLinearMatMul":      {emit: qLinearMatMul},
	"Cast":               {fold: foldCast, emit: cast, moves: true},
	"Identity":           {fold: foldSame, emit: identity, moves: true},
	"Dropout":            {fold: foldDropout, emit: dropout, moves: true},
	"Flatten":            {fold: foldFlatten, emit: flatten, moves: true},
	"Reshape":            {fold: foldReshape, emit: reshape, moves: true},
	"Squeeze":            {fold: foldSqueeze, emit: squeeze, moves: true},
	"Unsqueeze":          {fold: foldUnsqueeze, emit: unsqueeze, moves: true},
	"Transpose":          {fold: foldTranspose, emit: transpose, moves: true},
	"Concat":             {fold: foldConcat, emit: concat, moves: true},
	"Split":              {take: split, moves: true},
	"Slice":              {fold: foldSlice, emit: slice, moves: true},
	"Gather":             {fold: foldGather, emit: gather, moves: true},
	"Expand":             {fold: foldExpand, emit: expand},
}
