"""``python -m ccnet_pipeline.train_lm``: the trainer's command."""

import sys

from ccnet_pipeline.fluency.train_command import main

if __name__ == "__main__":
    sys.exit(main())
