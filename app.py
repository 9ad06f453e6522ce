"""The front door: `streamlit run app.py`."""

import streamlit as st

from dlviz import catalog
from dlviz.engine.device import one_thread
from dlviz.language import words
from dlviz.ui import visitor
from dlviz.ui.visitor import language, tr

one_thread()
st.set_page_config(page_title="dlviz", page_icon=str(visitor.ICON), layout="wide")
visitor.chrome()
pages = {
    "": [st.Page("pages/home.py", title=tr("Home"), icon=":material/home:", default=True)],
} | {
    tr(section): [
        st.Page(
            f"pages/{concept.stem}.py",
            title=words(concept.stem, language()).name,
            icon=concept.icon,
            url_path=concept.stem,
        )
        for concept in concepts
    ]
    for section, concepts in catalog.SYLLABUS.items()
}
st.navigation(pages, position="top").run()
