"""The pages. Importing this package quiets Gradio: nothing leaves the machine or stays in the browser."""

import os

# Read by Gradio while it is imported, so they stand before any import of it; compared with "True".
os.environ.update(
    GRADIO_ANALYTICS_ENABLED="False",
    GRADIO_MCP_SERVER="False",
    GRADIO_RUN_HISTORY="False",
    GRADIO_SHARE="False",
    GRADIO_SSR_MODE="False",
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_OFFLINE="1",
)
