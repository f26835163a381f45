"""The sites of the sample crawl: what stands around their articles. All of them are invented."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Site:
    """One invented site; `charset` is what its HTML is written in (WET files are always UTF-8)."""

    host: str
    name: str
    charset: str = "utf-8"


@dataclass(frozen=True)
class Frame:
    """The boilerplate of one language: lines that every page of a site repeats."""

    iso3: str
    menu: tuple[str, ...]
    cookies: str
    footer: str
    share: str
    latest: str
    sites: tuple[Site, ...]


def _frame(iso3: str, menu: str, cookies: str, footer: str, share: str, latest: str, *sites: Site) -> Frame:
    return Frame(iso3, tuple(menu.split(",")), cookies, footer, share, latest, sites)


FRAMES: dict[str, Frame] = {
    "en": _frame(
        "eng",
        "Home,Stories,Kitchen,Outdoors,Our town,Subscribe,Write to us",
        "We use cookies to remember your settings. You can change your choice at any time.",
        "All stories on this page were written by our volunteers. Please ask before you reprint them.",
        "Send this story to a friend",
        "Latest stories",
        Site("www.harbourlane-notes.example", "Harbour Lane Notes"),
        Site("thegreenbench.example", "The Green Bench"),
        Site("everyday.mill-road.example", "Mill Road Everyday", "windows-1252"),
    ),
    "fr": _frame(
        "fra",
        "Accueil,Récits,Cuisine,Jardin,Notre ville,Abonnement,Nous écrire",
        "Nous utilisons des cookies pour retenir vos préférences. Vous pouvez changer d’avis à tout moment.",
        "Les articles de cette page sont rédigés par nos bénévoles. Merci de demander avant toute reprise.",
        "Envoyer cet article à un ami",
        "Derniers articles",
        Site("www.lebancvert.example", "Le Banc vert"),
        Site("carnets-du-quai.example", "Carnets du quai", "iso-8859-15"),
        Site("rue-du-moulin.example", "Rue du Moulin"),
    ),
    "de": _frame(
        "deu",
        "Startseite,Geschichten,Küche,Draußen,Unsere Stadt,Abonnieren,Schreiben Sie uns",
        "Wir verwenden Cookies, um Ihre Einstellungen zu behalten. Sie können Ihre Wahl jederzeit ändern.",
        "Die Beiträge auf dieser Seite stammen von Ehrenamtlichen. Bitte fragen Sie vor einem Nachdruck.",
        "Diesen Beitrag weiterempfehlen",
        "Neueste Beiträge",
        Site("www.hafengasse.example", "Hafengasse"),
        Site("diegruenebank.example", "Die grüne Bank", "iso-8859-1"),
        Site("muehlweg-alltag.example", "Mühlweg Alltag"),
    ),
    "es": _frame(
        "spa",
        "Portada,Relatos,Cocina,Aire libre,Nuestra ciudad,Suscribirse,Escríbanos",
        "Usamos cookies para recordar sus preferencias. Puede cambiar su decisión en cualquier momento.",
        "Los textos de esta página son obra de voluntarios. Pida permiso antes de reproducirlos, por favor.",
        "Enviar este texto a un amigo",
        "Últimos textos",
        Site("www.elbancoverde.example", "El banco verde"),
        Site("notasdelmuelle.example", "Notas del muelle"),
        Site("calle-del-molino.example", "Calle del Molino", "iso-8859-1"),
    ),
    "sw": _frame(
        "swa",
        "Mwanzo,Habari,Mapishi,Mazingira,Mji wetu,Jiunge nasi,Tuandikie",
        "Tunatumia vidakuzi ili kukumbuka chaguo lako. Unaweza kubadilisha uamuzi wako wakati wowote.",
        "Makala za ukurasa huu ni za wanaojitolea. Tafadhali omba ruhusa kabla ya kuzichapisha tena.",
        "Mtumie rafiki makala hii",
        "Makala mpya",
        Site("www.benchi-la-kijani.example", "Benchi la Kijani"),
        Site("barabara-ya-kinu.example", "Barabara ya Kinu"),
    ),
    "tr": _frame(
        "tur",
        "Ana sayfa,Yazılar,Mutfak,Doğa,Şehrimiz,Abone ol,Bize yazın",
        "Tercihlerinizi hatırlamak için çerez kullanıyoruz. Kararınızı her zaman değiştirebilirsiniz.",
        "Bu sayfadaki yazılar gönüllülerimize aittir. Yeniden yayımlamadan önce lütfen bize sorun.",
        "Bu yazıyı bir arkadaşına gönder",
        "Son yazılar",
        Site("www.yesilbank.example", "Yeşil Bank"),
        Site("iskele-notlari.example", "İskele Notları"),
        Site("degirmenyolu.example", "Değirmen Yolu", "iso-8859-9"),
    ),
    "vi": _frame(
        "vie",
        "Trang đầu,Bài viết,Bếp nhà,Ngoài trời,Phố ta,Đăng ký nhận tin,Viết cho chúng tôi",
        "Chúng tôi dùng cookie để ghi nhớ lựa chọn của bạn. Bạn có thể thay đổi bất cứ lúc nào.",
        "Các bài trên trang này do tình nguyện viên viết. Xin hỏi trước khi đăng lại.",
        "Gửi bài này cho bạn bè",
        "Bài mới nhất",
        Site("www.ghe-xanh.example", "Ghế Xanh"),
        Site("ghi-chep-ben-song.example", "Ghi chép bến sông"),
    ),
    "ru": _frame(
        "rus",
        "На главную,Рассказы,Кухня,На природе,Наш город,Подписка,Напишите нам",
        "Мы используем куки, чтобы помнить ваши настройки. Вы можете изменить свой выбор в любое время.",
        "Материалы этой страницы написаны добровольцами. Пожалуйста, спросите нас перед перепечаткой.",
        "Отправить рассказ другу",
        "Свежие рассказы",
        Site("www.zelenaya-skameyka.example", "Зелёная скамейка"),
        Site("zapiski-u-prichala.example", "Записки у причала", "windows-1251"),
        Site("melnichnaya.example", "Мельничная улица"),
    ),
    "el": _frame(
        "ell",
        "Αρχική σελίδα,Ιστορίες,Κουζίνα,Στη φύση,Η πόλη μας,Εγγραφή,Γράψτε μας",
        "Χρησιμοποιούμε cookies για να θυμόμαστε τις επιλογές σας. Μπορείτε να τις αλλάξετε όποτε θέλετε.",
        "Τα κείμενα αυτής της σελίδας γράφτηκαν από εθελοντές. Ρωτήστε μας πριν τα αναδημοσιεύσετε.",
        "Στείλτε την ιστορία σε έναν φίλο",
        "Τελευταίες ιστορίες",
        Site("www.to-prasino-pagkaki.example", "Το πράσινο παγκάκι"),
        Site("simeioseis-limaniou.example", "Σημειώσεις του λιμανιού", "iso-8859-7"),
    ),
    "ar": _frame(
        "ara",
        "الصفحة الأولى,حكايات,المطبخ,في الطبيعة,مدينتنا,الاشتراك,اكتب إلينا",
        "نستخدم ملفات الارتباط كي نتذكر اختياراتك. يمكنك تغيير رأيك في أي وقت.",
        "كتب متطوعون مقالات هذه الصفحة. نرجو أن تسألونا قبل إعادة نشرها.",
        "أرسل هذه الحكاية إلى صديق",
        "أحدث الحكايات",
        Site("www.almaqad-alakhdar.example", "المقعد الأخضر"),
        Site("dafatir-almina.example", "دفاتر الميناء", "windows-1256"),
    ),
    "hi": _frame(
        "hin",
        "पहला पन्ना,कहानियाँ,रसोई,खुली हवा,हमारा शहर,सदस्य बनें,हमें लिखें",
        "आपकी पसंद याद रखने के लिए हम कुकी का प्रयोग करते हैं। आप अपना निर्णय कभी भी बदल सकते हैं।",
        "इस पन्ने के लेख हमारे स्वयंसेवकों ने लिखे हैं। दोबारा छापने से पहले कृपया हमसे पूछ लें।",
        "यह लेख किसी मित्र को भेजें",
        "ताज़ा लेख",
        Site("www.hari-bench.example", "हरी बेंच"),
        Site("ghat-ki-diary.example", "घाट की डायरी"),
    ),
    "th": _frame(
        "tha",
        "หน้าหลัก,เรื่องเล่า,ครัวของเรา,กลางแจ้ง,เมืองของเรา,รับข่าวสาร,เขียนถึงเรา",
        "เราใช้คุกกี้เพื่อจดจำการตั้งค่าของคุณ คุณเปลี่ยนใจได้ทุกเมื่อ",
        "บทความในหน้านี้เขียนโดยอาสาสมัคร โปรดขออนุญาตก่อนนำไปเผยแพร่ต่อ",
        "ส่งเรื่องนี้ให้เพื่อน",
        "เรื่องล่าสุด",
        Site("www.manang-sikhiao.example", "ม้านั่งสีเขียว"),
        Site("banthuek-thanam.example", "บันทึกท่าน้ำ"),
    ),
    "ko": _frame(
        "kor",
        "첫 화면,이야기,부엌,바깥 나들이,우리 동네,구독하기,편지 보내기",
        "설정을 기억하기 위해 쿠키를 사용합니다. 언제든지 선택을 바꾸실 수 있습니다.",
        "이 화면의 글은 자원봉사자가 썼습니다. 다시 실으려면 먼저 물어봐 주세요.",
        "친구에게 이 글 보내기",
        "새로 올라온 글",
        Site("www.chorok-uija.example", "초록 의자"),
        Site("narutteo-ilgi.example", "나루터 일기", "euc-kr"),
    ),
    "ja": _frame(
        "jpn",
        "トップページ,読みもの,台所から,外へ出よう,わたしたちの町,購読する,お便りはこちら",
        "設定を覚えておくためにクッキーを使っています。選択はいつでも変更できます。",
        "このページの文章はボランティアが書いたものです。転載の前に一度ご相談ください。",
        "この記事を友だちに送る",
        "新しい記事",
        Site("www.midori-no-benchi.example", "みどりのベンチ"),
        Site("minato-techo.example", "みなと手帖", "shift_jis"),
    ),
    "zh-Hans": _frame(
        "zho",
        "返回首页,生活故事,厨房笔记,户外走走,我们的城市,订阅,给我们写信",
        "我们使用小型文本文件来记住您的设置，您可以随时更改选择。",
        "本页文章均由志愿者撰写，转载之前请先与我们联系。",
        "把这篇文章发给朋友",
        "最近文章",
        Site("www.lvse-changyi.example", "绿色长椅"),
        Site("matou-biji.example", "码头笔记", "gb18030"),
    ),
    "zh-Hant": _frame(
        "zho",
        "回到首頁,生活故事,廚房筆記",
        "我們使用小型文字檔來記住您的設定，您可以隨時變更選擇。",
        "本頁文章均由志工撰寫，轉載之前請先與我們聯絡。",
        "把這篇文章寄給朋友",
        "最近文章",
        Site("xiangkou.example", "巷口"),
    ),
}
# As on most sites in these languages, what stands around the articles is in English.
for _language, _iso3, _host, _name in (
    ("ha", "hau", "www.dandalin-karatu.example", "Dandalin karatu"),
    ("lg", "lug", "obulamu.example", "Obulamu"),
    ("tn", "tsn", "www.mafoko.example", "Mafoko"),
    ("zu", "zul", "amazwi.example", "Amazwi"),
):
    FRAMES[_language] = _frame(
        _iso3,
        f"{_name} home,{_name} news,Write to {_name}",
        f"{_name} uses cookies to remember your settings. You can change your choice at any time.",
        f"All rights to the texts of {_name} are with those who wrote them. Please ask before you reprint them.",
        f"Tell a friend about {_name}",
        f"Latest from {_name}",
        Site(_host, _name),
    )
