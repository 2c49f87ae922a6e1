"""The Gradio theme: maps the design tokens of style.css to Gradio's own variables."""

import gradio as gr

PINE = gr.themes.Color(
    name="pine",
    c50="#eefaf5",
    c100="#d8f1e7",
    c200="#b0e2cf",
    c300="#7fcfb3",
    c400="#4bb795",
    c500="#1f9675",
    c600="#0f7a5e",
    c700="#0c624c",
    c800="#0b4e3e",
    c900="#0a4034",
    c950="#05251e",
)
STONE = gr.themes.Color(
    name="stone",
    c50="#f7f8f7",
    c100="#eff2f0",
    c200="#e1e6e3",
    c300="#cbd3cf",
    c400="#98a49e",
    c500="#6b7771",
    c600="#525d58",
    c700="#39443f",
    c800="#242d29",
    c900="#171e1b",
    c950="#0e1412",
)
FONT = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]  # no web font, no external request
MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace"]


def _pairs() -> dict[str, str]:
    """Gradio variables whose light and dark values are both ours (the tokens switch with the mode)."""
    tokens = {
        "body_background_fill": "var(--tu-bg)",
        "body_text_color": "var(--tu-ink)",
        "body_text_color_subdued": "var(--tu-ink-2)",
        "background_fill_primary": "var(--tu-card)",
        "background_fill_secondary": "var(--tu-sunk)",
        "border_color_primary": "var(--tu-line)",
        "border_color_accent": "var(--tu-accent)",
        "block_background_fill": "var(--tu-card)",
        "block_border_color": "var(--tu-line)",
        "block_title_text_color": "var(--tu-ink)",
        "block_label_text_color": "var(--tu-ink-2)",
        "block_label_background_fill": "transparent",
        "block_title_background_fill": "transparent",
        "block_info_text_color": "var(--tu-ink-2)",
        "input_background_fill": "var(--tu-card)",
        "input_border_color": "var(--tu-line-2)",
        "input_border_color_focus": "var(--tu-accent)",
        "input_placeholder_color": "var(--tu-ink-3)",
        "button_primary_background_fill": "var(--tu-fill)",
        "button_primary_background_fill_hover": "var(--tu-fill-2)",
        "button_primary_text_color": "#ffffff",
        "button_primary_border_color": "transparent",
        "button_secondary_background_fill": "var(--tu-card)",
        "button_secondary_background_fill_hover": "var(--tu-sunk)",
        "button_secondary_text_color": "var(--tu-ink)",
        "button_secondary_border_color": "var(--tu-line-2)",
        "button_cancel_background_fill": "var(--tu-card)",
        "button_cancel_background_fill_hover": "var(--tu-sunk)",
        "button_cancel_text_color": "var(--tu-bad)",
        "button_cancel_border_color": "var(--tu-line-2)",
        "checkbox_background_color_selected": "var(--tu-fill)",
        "checkbox_border_color_selected": "var(--tu-fill)",
        "checkbox_label_background_fill": "var(--tu-card)",
        "checkbox_label_background_fill_hover": "var(--tu-sunk)",
        "checkbox_label_background_fill_selected": "var(--tu-accent-soft)",
        "checkbox_label_text_color": "var(--tu-ink)",
        "checkbox_label_text_color_selected": "var(--tu-ink)",
        "checkbox_label_border_color": "var(--tu-line-2)",
        "checkbox_label_border_color_selected": "var(--tu-accent)",
        "panel_background_fill": "transparent",
        "slider_color": "var(--tu-fill)",
    }
    return tokens | {f"{k}_dark": v for k, v in tokens.items()}


def theme() -> gr.themes.Base:
    """Return the theme; pass it to ``launch(theme=...)`` together with style.css."""
    base = gr.themes.Base(
        primary_hue=PINE,
        secondary_hue=PINE,
        neutral_hue=STONE,
        radius_size="lg",
        spacing_size="md",
        text_size="md",
        font=FONT,
        font_mono=MONO,
    )
    return base.set(
        block_shadow="none",
        block_shadow_dark="none",
        button_primary_shadow="none",
        input_shadow="none",
        block_border_width="1px",
        button_border_width="1px",
        block_radius="14px",
        block_title_padding="0",
        block_title_text_weight="600",
        block_label_padding="0",
        button_large_radius="10px",
        button_medium_radius="10px",
        button_small_radius="8px",
        button_large_text_weight="600",
        button_medium_text_weight="500",
        input_radius="10px",
        layout_gap="16px",
        form_gap_width="0px",
        **_pairs(),
    )
