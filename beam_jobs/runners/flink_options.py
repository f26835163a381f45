"""Options of Beam's Flink runner that only its Java half knows: Beam's Python half hands on what it has declared."""

from apache_beam.options.pipeline_options import PipelineOptions, _BeamArgumentParser


class FlinkOptions(PipelineOptions):
    """Those that a batch job may need; what is not given is not handed on."""

    @classmethod
    def _add_argparse_args(cls, parser: _BeamArgumentParser) -> None:
        add = parser.add_argument
        add("--use_data_stream_for_batch", action="store_const", const=True, help="Translate as for Flink 2.")
        add("--execution_mode_for_batch", help="PIPELINED, or BATCH: each stage begins when the one before has ended.")
