"""Words that tell languages apart within a script, and Chinese or Vietnamese typed with bare Latin letters (a leaf).

Tables and look-ups only; how much a word counts is decided in bot/language_id.py.
"""

from __future__ import annotations

import re
import unicodedata

from bot.languages import CODES, LANGUAGES

# The languages that share a script.
OF_SCRIPT: dict[str, tuple[str, ...]] = {
    script: tuple(code for code in CODES if LANGUAGES[code].script == script) for script in ("Latn", "Arab", "Cyrl")
}

# --- words -----------------------------------------------------------------------------------------------------------

# Closed classes only (pronouns, prepositions, auxiliaries, numbers, days, greetings): what any text holds.
_COMMON: dict[str, str] = {
    "en": """
        a an the i you he she it we they me him her us them my your his its our their mine yours this that these
        those who whom whose which what where when why how and or but if because although though while until
        since than as of at by for with about against between into through during before after above below to
        from up down on off over under again further then once here there all any both each few more most other
        others some such no not only own same so too very can could will would shall should may might must have
        has had do does did done doing am is are was were be been being get got go going went come let say said
        make made know think want need please thanks thank hello hi hey bye sorry yes without within every everyone
        everything something someone nothing nobody anyone anything always never often sometimes still already
        just also even yet one two three four five six seven eight nine ten hundred monday tuesday wednesday
        thursday friday saturday sunday january february march april june july august september october november
        december today tomorrow yesterday now much many around towards across along among behind beyond near
        next last first second whether either neither instead however therefore unless really quite almost
        enough perhaps maybe help good morning night""",
    "fr": """
        le la les un une des du de au aux je tu il elle on nous vous ils elles me te se moi toi lui leur leurs
        eux mon ma mes ton ta tes son sa ses notre nos votre vos ce cet cette ces ça cela celui celle ceux
        celles qui que quoi dont où quand pourquoi comment combien quel quelle quels quelles et ou mais donc or
        ni car si parce puisque lorsque pendant avant après avec sans sous sur dans par pour entre vers chez
        contre depuis jusque jusqu dès selon malgré ne pas plus moins très trop aussi encore déjà toujours
        jamais souvent parfois peut être suis es est sommes êtes sont était étaient étais été sera serait avoir
        ai as avons avez ont avait avaient eu aura aurait fait faire faut veux veut voudrais peux pouvez dois
        doit vais va allons allez vont merci bonjour bonsoir salut oui non rien personne quelque quelques quelqu
        chaque tout toute tous toutes autre autres même mêmes aucun aucune plusieurs beaucoup peu assez ici là
        alors ainsi puis ensuite enfin maintenant hier demain deux trois quatre cinq sept huit neuf dix cent
        mille lundi mardi mercredi jeudi vendredi samedi dimanche janvier février mars avril juin juillet août
        septembre octobre novembre décembre aujourd'hui jour premier première dernière dernier""",
    "de": """
        der die das den dem des ein eine einen einem einer eines ich du er sie es wir ihr mich dich sich uns
        euch mir dir ihm ihn ihnen mein meine meinen meinem meiner dein deine sein seine seinen seinem seiner
        ihre ihren ihrem ihrer unser unsere unseren euer eure dieser diese dieses diesen diesem jener jene
        welcher welche welches wer was wo wann warum wie wieso woher wohin und oder aber denn wenn weil dass ob
        als obwohl während bevor nachdem damit bis seit mit ohne auf an in aus bei nach von vor zu zum zur vom
        beim im am ins über unter zwischen hinter neben durch für gegen um trotz wegen nicht kein keine keinen
        keinem keiner nur noch schon auch sehr mehr weniger immer nie niemals oft manchmal wieder dann hier dort
        da jetzt heute morgen gestern bin bist ist sind seid war waren wäre gewesen haben habe hast hat habt
        hatte hatten hätte werden werde wird wirst wurde wurden worden würde kann kannst können könnt konnte
        könnte muss musst müssen musste soll sollen sollte will wollen wollte möchte darf dürfen durfte mag
        machen macht gemacht geht gehen bitte danke hallo guten tag ja nein alles alle allen aller etwas nichts
        jemand niemand man jeder jede jedes jeden viele vielen einige andere anderen anderer selbst zwei drei
        vier fünf sechs sieben acht neun zehn hundert montag dienstag mittwoch donnerstag freitag samstag
        sonntag januar februar märz april mai juni juli august september oktober november dezember also doch mal
        ganz gar etwa vielleicht zwar sowie sondern außerdem deshalb daher""",
    "es": """
        el la los las un una unos unas yo tú él ella usted ustedes nosotros nosotras ellos ellas me te se nos os
        lo le les mi mis tu tus su sus nuestro nuestra nuestros nuestras vuestro este esta esto estos estas ese
        esa eso esos esas aquel aquella aquello que qué quien quién quienes cual cuál cuales donde dónde cuando
        cuándo cuanto cuánto cuántos cómo como por para pero sino porque aunque si mientras desde hasta hacia
        según sin sobre entre con contra durante ante bajo tras y e o u ni de del al en no sí ya muy más menos
        también tampoco siempre nunca jamás todavía aún ahora entonces luego después antes aquí allí ahí allá
        así bien mal mucho mucha muchos muchas poco poca pocos pocas todo toda todos todas otro otra otros otras
        mismo misma mismos cada algo alguien nada nadie algún alguna algunos algunas ningún ninguna cualquier
        soy eres es somos sois son era eran fue fueron ser sido sea estoy estás está estamos están estaba
        estaban estar hay había haber he has ha hemos han tengo tienes tiene tenemos tienen tener tenía puedo
        puede pueden puedes poder quiero quiere quieren quisiera necesito hacer hace hago hecho voy vas va vamos
        van ir debo debe gracias hola buenos buenas días favor dos tres cuatro cinco seis siete ocho nueve diez
        cien mil lunes martes miércoles jueves viernes sábado domingo enero febrero marzo abril mayo junio julio
        agosto septiembre octubre noviembre diciembre hoy ayer mañana primero primera último última además
        quizás tal vez""",
    "pt": """
        o a os as um uma uns umas eu tu você vocês ele ela nós eles elas me te se lhe lhes nos mim ti meu minha
        meus minhas teu tua seu sua seus suas nosso nossa nossos nossas dele dela deles delas este esta isto
        estes estas esse essa isso esses essas aquele aquela aquilo aqueles que quem qual quais onde quando
        quanto quantos como por pelo pela pelos pelas para pra mas porém porque embora enquanto desde até
        segundo sem sobre entre com contra durante após sob e ou nem de do da dos das no na nas num numa ao aos
        à às em não sim já muito muita muitos muitas mais menos também sempre nunca jamais ainda agora então
        depois antes aqui ali lá aí assim bem mal pouco pouca poucos todo toda todos todas tudo outro outra
        outros outras mesmo mesma mesmos cada algo alguém nada ninguém algum alguma alguns algumas nenhum
        nenhuma qualquer sou és é somos são era eram foi foram ser sido seja estou está estamos estão estava
        estavam estar há havia haver tenho tem temos têm tinha tinham ter teve posso pode podem poder podemos
        quero quer querem queria preciso precisa fazer faz faço fez feito vou vai vamos vão ir devo deve
        obrigado obrigada olá oi bom dia boa noite favor dois duas três quatro cinco seis sete oito nove dez cem
        mil segunda terça quarta quinta sexta sábado domingo janeiro fevereiro março abril maio junho julho
        agosto setembro outubro novembro dezembro hoje ontem amanhã primeiro primeira último última além talvez""",
    "it": """
        il lo la i gli le un uno una io tu lui lei noi voi loro mi ti si ci vi me te sé mio mia miei mie tuo tua
        tuoi tue suo sua suoi sue nostro nostra nostri nostre vostro vostra questo questa questi queste quello
        quella quelli quelle quei che chi cui quale quali dove quando quanto quanti quanta come perché per ma
        però oppure anche se mentre finché di a da in con su tra fra del dello della dei degli delle al allo
        alla ai agli alle dal dallo dalla dai dagli dalle nel nello nella nei negli nelle sul sullo sulla sui
        sugli sulle col e ed o né non sì no già molto molta molti molte più meno sempre mai ancora adesso ora
        allora poi dopo prima qui qua lì là così bene male poco poca pochi tutto tutta tutti tutte altro altra
        altri altre stesso stessa stessi ogni qualcosa qualcuno niente nulla nessuno nessuna qualche alcuni
        alcune ciascuno sono sei è siamo siete era erano ero fu essere stato stata stati sia sarà sarebbe ho hai
        ha abbiamo avete hanno aveva avevano avere avuto posso puoi può possiamo possono potere voglio vuole
        vogliono vorrei devo deve devono dovere fare fa faccio fatto vado va andiamo vanno andare grazie ciao
        buongiorno buonasera prego favore due tre quattro cinque sette otto nove dieci cento mille lunedì
        martedì mercoledì giovedì venerdì sabato domenica gennaio febbraio marzo aprile maggio giugno luglio
        agosto settembre ottobre novembre dicembre oggi ieri domani primo ultimo ultima senza sotto sopra dentro
        fuori verso contro durante invece inoltre quindi forse""",
    "nl": """
        de het een ik jij je hij zij ze wij we jullie u mij me jou hem haar ons hen hun mijn jouw zijn onze uw
        dit dat deze die wie wat waar wanneer waarom hoe welke welk en of maar want als omdat hoewel terwijl
        totdat sinds toen dan met zonder op aan in uit bij naar van voor te tot over onder tussen achter naast
        door tegen om rond volgens tijdens niet geen alleen nog al ook zeer heel meer minder altijd nooit vaak
        soms weer hier daar er nu vandaag morgen gisteren ben bent is was waren geweest heb hebt heeft hebben
        had hadden gehad word wordt worden werd werden geworden kan kunt kunnen kon konden moet moeten moest zal
        zult zullen zou zouden wil wilt willen wilde mag mogen mocht ga gaat gaan ging doe doet doen deed gedaan
        maken maakt gemaakt zeggen weten alsjeblieft alstublieft dank bedankt hallo goedemorgen dag ja nee alles
        iets niets iemand niemand men iedereen ieder elke elk veel vele weinig andere anderen ander zelf zelfde
        twee drie vier vijf zes zeven acht negen tien honderd maandag dinsdag woensdag donderdag vrijdag
        zaterdag zondag januari februari maart april mei juni juli augustus september oktober november december
        dus toch wel even misschien zowel echter daarom daarmee daarvoor daarna hierbij waarbij eerste laatste
        tweede""",
    "pl": """
        ja ty on ona ono my wy oni one mnie mi ciebie ci cię jego jej jemu go ją nas nam was wam ich im nimi nim
        niej mój moja moje twój twoja swój swoje swoją nasz nasza wasz ten ta to te tego tej tych tym temu
        tamten który która które których którego której którzy kto co kogo czego komu gdzie kiedy dlaczego jak
        jaki jaka jakie ile i a oraz albo lub ale lecz więc bo ponieważ że żeby aby jeśli jeżeli gdy gdyby
        chociaż choć zanim do od z ze w we na po przed za nad pod przy przez dla bez między u o ku podczas
        według nie tak już jeszcze tylko też także bardzo więcej mniej zawsze nigdy często czasem znowu tu tutaj
        tam teraz dziś dzisiaj jutro wczoraj jestem jesteś jest jesteśmy są był była było byli były być będę
        będzie będą mam masz ma mamy mają miał miała mieć mogę możesz może możemy mogą można chcę chce chcesz
        chciałbym muszę musi musisz trzeba należy wiem wie proszę dziękuję cześć dzień dobry wszystko wszyscy
        wszystkie wszystkich coś nic ktoś nikt każdy każda inny inna inne innych sam sama jeden jedna dwa dwie
        trzy cztery pięć sześć siedem osiem dziewięć dziesięć sto poniedziałek wtorek środa czwartek piątek
        sobota niedziela stycznia lutego marca kwietnia maja czerwca lipca sierpnia września października
        listopada grudnia właśnie jednak przecież chyba dlatego potem później pan pani państwo""",
    "tr": """
        ben sen o biz siz onlar beni seni onu bizi sizi onları bana sana ona bize size onlara benim senin onun
        bizim sizin onların bu şu bunu şunu bunlar şunlar bunun kim ne nerede nereye nereden zaman neden niçin
        niye nasıl kaç hangi ve veya ya da ama fakat ancak çünkü eğer ki ile için gibi kadar göre sonra önce
        beri doğru karşı rağmen dolayı de değil yok var evet hayır mi mı mu mü çok daha en az hep her hiç hiçbir
        bazı birkaç bütün tüm başka diğer aynı kendi kendisi şey şimdi bugün yarın dün burada orada artık hâlâ
        hala henüz zaten sadece yalnız belki tabii lütfen teşekkür teşekkürler merhaba selam günaydın iyi günler
        bir iki üç dört beş altı yedi sekiz dokuz on yüz bin pazartesi salı çarşamba perşembe cuma cumartesi
        pazar ocak şubat mart nisan mayıs haziran temmuz ağustos eylül ekim kasım aralık olan olarak oldu olduğu
        olduğunu olur olmak olsun olmuş idi ise imiş istiyorum istiyor gerek gerekiyor lazım mümkün nedir biri
        birisi herkes kimse böyle şöyle öyle üzerinde üzerine içinde arasında altında yanında""",
    "id": """
        saya aku kamu anda dia ia kami kita mereka kalian beliau ini itu yang siapa apa mana kapan mengapa
        kenapa bagaimana berapa dan atau tetapi tapi namun karena sebab jika kalau bila meskipun walaupun sambil
        sebelum sesudah setelah sejak sampai hingga ketika saat di ke dari pada kepada dalam untuk dengan tanpa
        oleh antara tentang terhadap seperti tidak bukan jangan belum sudah telah akan sedang masih pernah bisa
        dapat boleh harus perlu ingin mau hanya juga lagi saja sangat sekali lebih paling kurang selalu sering
        kadang semua setiap banyak sedikit beberapa lain sama sendiri para adalah ialah merupakan ada menjadi
        sini sana situ sekarang nanti besok kemarin hari tadi lalu terima kasih halo selamat pagi siang malam
        tolong maaf ya satu dua tiga empat lima enam tujuh delapan sembilan sepuluh ratus ribu senin selasa rabu
        kamis jumat sabtu minggu januari februari maret april mei juni juli agustus september oktober november
        desember nya pun lah agar supaya bahwa maka serta bagi secara hal orang tahun bulan kali""",
    "vi": """
        tôi tao mình bạn anh chị em ông bà nó họ chúng ta này đó kia ấy ai gì nào đâu sao thế vậy và hoặc hay
        nhưng mà vì nếu thì khi tuy trước sau từ đến tới ở trong ngoài trên dưới với không chưa đã đang sẽ rồi
        vẫn còn cũng chỉ rất quá lắm hơn nhất luôn thường các những mọi mỗi một hai ba bốn năm sáu bảy tám chín
        mười là có được bị phải nên cần muốn biết làm đi cho của về như để bao nhiêu xin chào cảm ơn vâng dạ nay
        mai hôm ngày tháng người""",
    "ru": """
        я ты он она оно мы вы они меня тебя его ее её нас вас их мне тебе ему ей нам вам им мной тобой мой моя
        мое моё мои твой твоя свой своя свое свои наш наша наши ваш ваша ваши этот эта это эти этого этой этом
        тот та то те того той тем который которая которое которые которого которой кто что кого чего кому чему
        где когда почему зачем как какой какая какие сколько куда откуда и или а но да если потому чтобы хотя
        пока в во на с со к ко у о об от до из за под над перед при через для без между около после против не ни
        нет уже еще ещё только тоже также очень больше меньше всегда никогда часто иногда опять снова тут здесь
        там теперь сейчас сегодня завтра вчера быть был была было были есть будет будут буду могу может можем
        могут можно нужно надо хочу хочет должен должна спасибо пожалуйста привет здравствуйте все всё всех
        всего что-то ничего кто-то никто каждый другой другие других сам сама самый один одна два две три четыре
        пять шесть семь восемь девять десять сто понедельник вторник среда четверг пятница суббота воскресенье
        января февраля марта апреля мая июня июля августа сентября октября ноября декабря ведь вот даже лишь
        именно конечно поэтому потом тогда где-то""",
    "uk": """
        я ти він вона воно ми ви вони мене тебе його її нас вас їх мені тобі йому їй нам вам їм мій моя моє мої
        твій твоя свій своя своє свої наш наша наші ваш ваша ваші цей ця це ці цього цієї цьому той та те ті
        того тієї тим який яка яке які якого якої хто що кого чого кому чому де коли навіщо як скільки куди
        звідки і й або але якщо бо тому щоб хоча поки в у на з зі із до від за під над перед при через для без
        між біля після проти не ні немає вже ще тільки лише також теж дуже більше менше завжди ніколи часто
        іноді знову тут там тепер зараз сьогодні завтра вчора бути був була було були є буде будуть буду можу
        може можна треба потрібно хочу хоче повинен дякую будь ласка привіт вітаю усе все всі всіх усіх щось
        нічого хтось ніхто кожен інший інші інших сам сама один одна два дві три чотири п'ять шість сім вісім
        дев'ять десять сто понеділок вівторок середа четвер п'ятниця субота неділя січня лютого березня квітня
        травня червня липня серпня вересня жовтня листопада грудня адже ось навіть саме звичайно потім тоді
        проте однак час щодо""",
    "ar": """
        أنا أنت هو هي نحن أنتم هم هذا هذه ذلك تلك هؤلاء الذي التي الذين من ما ماذا متى أين كيف لماذا كم هل في
        على إلى عن مع بعد قبل بين تحت فوق عند منذ حتى خلال دون بدون ضد حول أو ثم لكن لأن إذا لو أن إن كان كانت
        يكون ليس لم لن لا قد كل بعض غير أي نعم شكرا مرحبا السلام عليكم اليوم غدا أمس الآن هنا هناك أيضا فقط جدا
        واحد اثنان ثلاثة أربعة خمسة أريد يمكن يجب كما وقد وهو وهي التى الى او انا""",
    "fa": """
        من تو او ما شما آنها آن این همین همان اینجا آنجا که چه چی چرا کجا کی چگونه چطور چند کدام و یا اما ولی
        زیرا چون اگر هرچند تا از به در با بر برای بدون بین روی زیر پیش پس بعد قبل درباره نه بله هم نیز فقط خیلی
        بسیار بیشتر کمتر همیشه هرگز هنوز باز اکنون حالا امروز فردا دیروز است هست هستم هستند هستیم نیست بود بودم
        بودند باشد شد شده شود شوند شدن دارم دارد دارند داشت داشتن کرد کرده کردن کند کنند کنم کنید می نمی خواهد
        باید شاید توان تواند خواهم رفت رفتن آمد گفت سلام ممنون مرسی لطفا خدا حافظ همه هیچ هر یک دو سه چهار پنج شش
        هفت هشت ده صد شنبه یکشنبه دوشنبه جمعه را ها های ای دیگر خود خودم چیزی کسی وقتی مورد می‌شود می‌کند
        نمی‌شود می‌خواهم هایی""",
    "ur": """
        میں تم آپ وہ ہم یہ اس ان جو جس جن کون کیا کہاں کب کیوں کیسے کتنا کتنے کتنی کونسا اور یا مگر لیکن کیونکہ
        اگر تو جب تک کہ سے کو کا کی کے نے پر پہ ساتھ بعد پہلے بغیر لیے لئے اوپر نیچے اندر باہر درمیان خلاف نہیں
        نہ ہاں جی بھی ہی صرف بہت زیادہ کم ہمیشہ کبھی ابھی اب پھر یہاں وہاں آج کل ہے ہیں ہوں ہو تھا تھی تھے ہوا
        ہوئی ہوئے ہوتا ہوتی ہوتے گا گی گے کر کرنا کرتا کرتی کرتے کیے کریں کرے سکتا سکتے سکتی چاہیے چاہتا چاہتے
        رہا رہی رہے جا جانا گیا گئی گئے آیا دیا دی دے لیا مجھے تمہیں اسے انہیں ہمیں میرا میری میرے تمہارا آپکا
        اپنا اپنی اپنے ہمارا ہماری شکریہ خدا حافظ مہربانی سب کچھ کوئی کسی ہر دوسرا دوسرے ایک دو تین چار پانچ چھ سات
        آٹھ نو دس سو پیر منگل بدھ جمعرات جمعہ ہفتہ اتوار والا والے والی طرح وقت لوگ""",
}

_WORD = re.compile(r"[^\s'’]+(?:['’][^\s'’]+)*")


def _index() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for code, words in _COMMON.items():
        for word in words.split():
            found.setdefault(word, set()).add(code)
    return {word: frozenset(codes) for word, codes in found.items()}


LANGUAGES_OF = _index()


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


def words_of(text: str) -> list[str]:
    """Words, and the parts of those with an apostrophe (l'hôpital: l, hôpital)."""
    words = _WORD.findall(text.replace("’", "'"))
    return words + [part for word in words if "'" in word for part in word.split("'") if part]


def word_votes(text: str, script: str) -> dict[str, float]:
    """Log-weight per language of `script`: minus one for each common word that others have and it has not."""
    codes = OF_SCRIPT[script]
    known = [owners for word in words_of(text) if (owners := LANGUAGES_OF.get(word)) and not owners.isdisjoint(codes)]
    return {code: -float(sum(code not in owners for owners in known)) for code in codes} if known else {}


# What people of any language write in Latin letters: it says nothing about theirs.
_INTERNATIONAL = _set("""
    ok okay visa wifi vpn wechat weixin alipay taobao didi qq email mail app qr pdf id sim hotel taxi metro
    internet online iphone android hefei anhui ustc china beijing shanghai covid gps atm
""")


def says_nothing(original: str) -> bool:
    words = original.split()
    return len(words) <= 2 and all(
        word.lower() in _INTERNATIONAL or len(word) == 1 or (word.isupper() and len(word) <= 5) for word in words
    )


# --- Latin spellings of Chinese and Vietnamese -----------------------------------------------------------------------

_PINYIN = re.compile(
    r"(?:(?:zh|ch|sh|[bpmfdtnlgkhjqxrzcsyw])(?:iang|iong|uang|ang|eng|ong|ian|iao|ing|uai|uan|ai|ei|ao|ou|an|en|ia|ie|iu"
    r"|in|ua|uo|ui|un|ue|ve|[aoeiuv])|er|ai|ao|an|en|ou|e|a)+"
)
_PINYIN_WORDS = _set("""
    wo ni nimen tamen wode xiang yao qing qingwen xiexie nihao hao hen zenme shenme nali zai bu shi you meiyou
    mei keyi neng hui duoshao qian jintian mingtian qianzheng huzhao yiyuan yinhang zhusu dengji yanqi juliu
    xuke zhongguo hanyu xuexi xuexiao gongzuo dianhua jingcha bangzhu wenti shijian difang zhidao haishi xianzai
    weishenme laoshi xuesheng shouji jichang huoche ditie gongjiao fangzi fangdong baoxian kanbing zaijian
    duibuqi meiguanxi qu
""")
_VIETNAMESE = re.compile(
    r"(?:ngh|ng|gh|gi|kh|nh|ph|qu|th|tr|ch|[bcdghklmnprstvx])?(?:uye|uoi|uou|uya|uay|oai|oay|ieu|yeu|ai|ao|au|ay|eo|eu|ia"
    r"|ie|iu|oa|oe|oi|oo|ua|ue|ui|uo|uu|uy|ye|[aeiouy])(?:ch|ng|nh|[cmnpt])?"
)
_VIETNAMESE_WORDS = _set("""
    toi khong duoc muon cua nguoi nhieu giup xin chao benh vien truong hoc gia han hoi nay ngay thang nam lam
    viec phai nhung voi dau bao gio tien nha dien thoai ban can biet noi tieng viet trung quoc thue chieu giay
    phep cu tru dang ky mat thuoc bac dong cam roi chua rat the nao tai sao oi vay minh anh nhu khi tren trong
    ngoai chung cho mot hai xe mua mai hom con rang cung neu thi moi lai het di la cac den ra vao len xuong qua
    deu nhat hon bi tu theo sau truoc giua gan xa lon nho tot dep cao thap gai trai me cha chong vo nuoc com an
    uong ngu ve choi doc nghe tra loi thay co thich yeu buon vui troi dat bien song nui cay hoa duong pho phong
    ghe sach so bay tam chin muoi tram nghin sang trua dem tuan tuoi gi ai em chi ong ba da se vi nong lanh buyt
    tau sinh
""")
_TONES = re.compile(r"[āēīōūǎěǐǒǔǖǘǚǜ]")


def _plain(text: str) -> list[str]:
    bare = "".join(sign for sign in unicodedata.normalize("NFD", text) if not unicodedata.combining(sign))
    return bare.replace("đ", "d").split()


def is_pinyin(text: str) -> bool:
    """Chinese in Latin letters: every word made of its syllables, and enough of them common words."""
    words = _plain(text)
    if not all(_PINYIN.fullmatch(word) for word in words):
        return False
    hits = [word for word in words if word in _PINYIN_WORDS]
    if _TONES.search(text):
        return bool(hits) or len(words) > 1
    own = [word for word in hits if word not in LANGUAGES_OF]
    if len(words) == 1:
        return bool(own) and len(words[0]) >= 5
    return bool(own) and len(set(hits)) >= 2 and 2 * len(hits) >= len(words)


def is_bare_vietnamese(text: str) -> bool:
    """Vietnamese without its marks: words shaped like its syllables, many of them common ones."""
    words = _plain(text)
    shaped = sum(_VIETNAMESE.fullmatch(word) is not None for word in words)
    hits = {word for word in words if word in _VIETNAMESE_WORDS}
    own = {word for word in hits if not LANGUAGES_OF.get(word, frozenset()) - {"vi"}}
    enough = 2 if len(words) < 6 or shaped < len(words) else 1
    return len(own) >= enough and shaped >= 0.8 * len(words) and len(hits) >= 0.4 * len(set(words))
