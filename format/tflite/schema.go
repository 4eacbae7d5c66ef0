package tflite

import "github.com/wispnet/wisp/tensor"

// The fields of the tables that are read, by their place in the file's vtables.
const (
	modelCodes       = 1
	modelSubgraphs   = 2
	modelDescription = 3
	modelBuffers     = 4

	codeOld    = 0 // one byte; codes up to 127
	codeCustom = 1
	codeNew    = 3

	subTensors   = 0
	subInputs    = 1
	subOutputs   = 2
	subOperators = 3
	subName      = 4

	tensorShape     = 0
	tensorType      = 1
	tensorBuffer    = 2
	tensorName      = 3
	tensorQuant     = 4
	tensorVariable  = 5
	tensorSparsity  = 6
	tensorSignature = 7

	quantScale = 2
	quantZero  = 3
	quantAxis  = 6

	bufferData   = 0
	bufferOffset = 1 // with the size: data behind the FlatBuffer
	bufferSize   = 2

	opCode    = 0
	opInputs  = 1
	opOutputs = 2
	opOptions = 4
)

// types are the element types by their number.
var types = map[int]tensor.DType{
	0: tensor.Float32, 1: tensor.Float16, 2: tensor.Int32, 3: tensor.Uint8, 4: tensor.Int64,
	6: tensor.Bool, 7: tensor.Int16, 9: tensor.Int8, 10: tensor.Float64,
}

// typeNames are those that no tensor of wisp has.
var typeNames = map[int]string{5: "string", 8: "complex64", 11: "complex128", 12: "uint64", 13: "resource", 14: "variant", 15: "uint32", 16: "uint16", 17: "int4", 18: "bfloat16"}

// codeNames are the runtime's own operators in the order of their numbers.
var codeNames = [...]string{
	"ADD", "AVERAGE_POOL_2D", "CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "DEPTH_TO_SPACE", "DEQUANTIZE", "EMBEDDING_LOOKUP",
	"FLOOR", "FULLY_CONNECTED", "HASHTABLE_LOOKUP", "L2_NORMALIZATION", "L2_POOL_2D", "LOCAL_RESPONSE_NORMALIZATION", "LOGISTIC", "LSH_PROJECTION",
	"LSTM", "MAX_POOL_2D", "MUL", "RELU", "RELU_N1_TO_1", "RELU6", "RESHAPE", "RESIZE_BILINEAR",
	"RNN", "SOFTMAX", "SPACE_TO_DEPTH", "SVDF", "TANH", "CONCAT_EMBEDDINGS", "SKIP_GRAM", "CALL",
	"CUSTOM", "EMBEDDING_LOOKUP_SPARSE", "PAD", "UNIDIRECTIONAL_SEQUENCE_RNN", "GATHER", "BATCH_TO_SPACE_ND", "SPACE_TO_BATCH_ND", "TRANSPOSE",
	"MEAN", "SUB", "DIV", "SQUEEZE", "UNIDIRECTIONAL_SEQUENCE_LSTM", "STRIDED_SLICE", "BIDIRECTIONAL_SEQUENCE_RNN", "EXP",
	"TOPK_V2", "SPLIT", "LOG_SOFTMAX", "DELEGATE", "BIDIRECTIONAL_SEQUENCE_LSTM", "CAST", "PRELU", "MAXIMUM",
	"ARG_MAX", "MINIMUM", "LESS", "NEG", "PADV2", "GREATER", "GREATER_EQUAL", "LESS_EQUAL",
	"SELECT", "SLICE", "SIN", "TRANSPOSE_CONV", "SPARSE_TO_DENSE", "TILE", "EXPAND_DIMS", "EQUAL",
	"NOT_EQUAL", "LOG", "SUM", "SQRT", "RSQRT", "SHAPE", "POW", "ARG_MIN",
	"FAKE_QUANT", "REDUCE_PROD", "REDUCE_MAX", "PACK", "LOGICAL_OR", "ONE_HOT", "LOGICAL_AND", "LOGICAL_NOT",
	"UNPACK", "REDUCE_MIN", "FLOOR_DIV", "REDUCE_ANY", "SQUARE", "ZEROS_LIKE", "FILL", "FLOOR_MOD",
	"RANGE", "RESIZE_NEAREST_NEIGHBOR", "LEAKY_RELU", "SQUARED_DIFFERENCE", "MIRROR_PAD", "ABS", "SPLIT_V", "UNIQUE",
	"CEIL", "REVERSE_V2", "ADD_N", "GATHER_ND", "COS", "WHERE", "RANK", "ELU",
	"REVERSE_SEQUENCE", "MATRIX_DIAG", "QUANTIZE", "MATRIX_SET_DIAG", "ROUND", "HARD_SWISH", "IF", "WHILE",
	"NON_MAX_SUPPRESSION_V4", "NON_MAX_SUPPRESSION_V5", "SCATTER_ND", "SELECT_V2", "DENSIFY", "SEGMENT_SUM", "BATCH_MATMUL",
}

const codeCustomOp = 32
